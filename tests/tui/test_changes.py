"""What is sent turns the frame that a terminal shows into the next one, cell for cell; pyte is the terminal."""

from collections.abc import Sequence

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.control import Control
from rich.segment import ControlType, Segment
from rich.style import Style
from textual.strip import Strip

from tui_app.changes import Part, Shown

STYLES = (
    None,
    Style(color="red"),
    Style(color="#102030", bgcolor="#e0e0e0", bold=True),
    Style(bgcolor="blue", italic=True, underline=True),
    Style(reverse=True, link="https://example.org"),
)
CHARACTERS = [*" ab─⣿é語評🚀", "e\u0301"]

texts = st.lists(st.sampled_from(CHARACTERS), max_size=6).map("".join)
segments = st.builds(Segment, texts, st.sampled_from(STYLES), st.none())
SIZES = st.tuples(st.integers(1, 12), st.integers(1, 4))
Frame = list[Strip]


@st.composite
def frames(draw: st.DrawFn, width: int, height: int) -> Frame:
    return [Strip(draw(st.lists(segments, max_size=4))).adjust_cell_length(width) for _ in range(height)]


@st.composite
def films(draw: st.DrawFn) -> list[Frame]:
    """Frames one after the other; some of another size than the one before."""
    film = []
    for _ in range(draw(st.integers(1, 3))):
        width, height = draw(SIZES)
        film += draw(st.lists(frames(width, height), min_size=1, max_size=3))
    return film


def size_of(frame: Frame) -> tuple[int, int]:
    return frame[0].cell_length, len(frame)


def parts(frame: Frame) -> list[Part]:
    return [Part(y, 0, strip, 0, strip.cell_length) for y, strip in enumerate(frame)]


class Terminal:
    """A terminal; links are not looked at."""

    def __init__(self, width: int, height: int) -> None:
        self.screen = pyte.Screen(width, height)
        self.stream = pyte.Stream(self.screen)

    def cells(self) -> list[list[pyte.screens.Char]]:
        return [[self.screen.buffer[y][x] for x in range(self.screen.columns)] for y in range(self.screen.lines)]


def painted(frame: Frame) -> list[list[pyte.screens.Char]]:
    """A terminal to which the frame was written as Textual writes it."""
    terminal = Terminal(*size_of(frame))
    for y, strip in enumerate(frame):
        text = "".join(Strip.render_style(style or Style(), text, ColorSystem.TRUECOLOR) for text, style, _ in strip)
        terminal.stream.feed(f"\x1b[{y + 1};1H{text}")
    return terminal.cells()


@given(films())
def test_a_terminal_shows_each_frame_after_the_one_before(film: Sequence[Frame]) -> None:
    shown, terminal = Shown(), Terminal(*size_of(film[0]))
    for frame in film:
        width, height = size_of(frame)
        if shown.size != (width, height):
            terminal.screen.resize(height, width)
            shown.forget(width, height)
        terminal.stream.feed(shown.take(parts(frame), ColorSystem.TRUECOLOR))
        assert terminal.cells() == painted(frame)
        assert shown.take(parts(frame), ColorSystem.TRUECOLOR) == ""


@given(st.data())
def test_a_part_of_a_line_leaves_the_rest_as_it_was(data: st.DataObject) -> None:
    """Of a strip only the columns that are meant are sent; what it has elsewhere may be covered."""
    width = data.draw(st.integers(4, 12))
    line = st.text("ab─ ", min_size=width, max_size=width)
    before, after = data.draw(line), data.draw(line)
    start = data.draw(st.integers(0, width))
    end = data.draw(st.integers(start, width))
    x = data.draw(st.integers(0, start))
    shown, terminal = Shown(), Terminal(width, 1)
    shown.forget(width, 1)
    terminal.stream.feed(shown.take(parts([Strip([Segment(before)])]), ColorSystem.TRUECOLOR))
    strip = Strip([Segment(after[x:])])
    terminal.stream.feed(shown.take([Part(0, x, strip, start, end)], ColorSystem.TRUECOLOR))
    assert terminal.screen.display[0] == before[:start] + after[start:end] + before[end:]


def sent(shown: Shown, *lines: str | Strip) -> str:
    strips = [line if isinstance(line, Strip) else Strip([Segment(line)]) for line in lines]
    return shown.take(parts(strips), ColorSystem.TRUECOLOR)


def test_one_cell_costs_one_move_and_one_character() -> None:
    shown = Shown()
    shown.forget(80, 2)
    sent(shown, "x" * 80, "y" * 80)
    assert sent(shown, "x" * 80, "y" * 40 + "z" + "y" * 39) == "\x1b[2;41Hz"


def test_what_is_forgotten_is_sent_again() -> None:
    shown = Shown()
    shown.forget(3, 1)
    first = sent(shown, "abc")
    assert sent(shown, "abc") == ""
    shown.forget(3, 1)
    assert sent(shown, "abc") == first


def test_a_row_with_a_cluster_is_written_whole() -> None:
    """Terminals do not agree how wide it is: cells behind it cannot be found by their number."""
    shown = Shown()
    shown.forget(10, 1)
    sent(shown, "👩‍🔬 abcdefg")
    assert sent(shown, "👩‍🔬 abcdefh") == "\x1b[1;1H👩‍🔬 abcdefh"
    assert sent(shown, "ab abcdefh") == "\x1b[1;1Hab abcdefh"


def test_what_lies_outside_of_the_screen_is_left_out() -> None:
    shown = Shown()
    shown.forget(4, 1)
    strip = Strip([Segment("abcdefgh")])
    assert shown.take([Part(0, 2, strip, 2, 10), Part(3, 0, strip, 0, 8)], ColorSystem.TRUECOLOR) == "\x1b[1;3Hab"


SIXELS = "\x1bPq#0~\x1b\\"


def with_picture(picture: str = SIXELS) -> list[str | Strip]:
    """Three rows, in the first four columns of the last two a picture."""
    control = [(ControlType.CURSOR_FORWARD, 0)]
    segments = [
        Segment("    "),
        Control.move_to(0, 1).segment,
        Segment(picture, control=control),  # type: ignore[arg-type]
        Control.move_to(4, 2).segment,
    ]
    return ["above", "     ", Strip([*segments, Segment(" ")], 5)]


def test_a_picture_is_sent_once_and_after_the_cells_that_it_covers() -> None:
    shown = Shown()
    shown.forget(5, 3)
    first = sent(shown, *with_picture())
    assert first.endswith(f"\x1b[2;1H{SIXELS}\x1b[3;5H")
    assert sent(shown, *with_picture()) == ""
    assert SIXELS not in sent(shown, *(["other", *with_picture()[1:]]))


@pytest.mark.parametrize("row", [1, 2])
def test_a_picture_that_was_covered_is_sent_again_with_all_of_its_cells(row: int) -> None:
    shown = Shown()
    shown.forget(5, 3)
    first = sent(shown, *with_picture())
    lines: list[str | Strip] = ["above", "     ", "     "]
    lines[row] = "dialo"
    blank = sent(shown, *lines)
    assert SIXELS not in blank
    assert blank.count("    ") == 1  # what the picture covered in the other row is cleared
    again = sent(shown, *with_picture())
    assert again.count("    ") == first.count("    ") == 2
    assert again.count(SIXELS) == 1


def test_another_picture_in_the_same_place_is_sent() -> None:
    shown = Shown()
    shown.forget(5, 3)
    sent(shown, *with_picture())
    assert "\x1bPq#1~\x1b\\" in sent(shown, *with_picture("\x1bPq#1~\x1b\\"))
