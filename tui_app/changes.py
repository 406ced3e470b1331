"""The screen as the terminal shows it, cell by cell, and the shortest text that turns it into the next frame."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from rich.cells import split_graphemes
from rich.color import ColorSystem
from rich.segment import ControlType, Segment
from rich.style import Style
from textual.strip import Strip

GAP = 4  # unchanged cells that cost no more than moving the cursor over them


class Ink(NamedTuple):
    """How a cell is drawn: SGR codes, what it links to, and the picture that lies over it, as it was sent."""

    sgr: str = ""
    link: str = ""
    picture: str = ""


Cell = tuple[str, Ink]
"""Its text, empty for the right half of a wide one."""
_PLAIN = Ink()
_BLANK: Cell = (" ", _PLAIN)


class Part(NamedTuple):
    """A strip at a place on the screen, of which the columns from `start` up to `end` are meant."""

    y: int
    x: int
    strip: Strip
    start: int
    end: int


class Picture(NamedTuple):
    """What draws over cells: the text that does it, and the cells."""

    text: str
    rows: range
    columns: range


class Shown:
    """What the terminal shows, as far as it has been sent there."""

    def __init__(self) -> None:
        self._rows: list[list[Cell | None]] = []

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows; (0, 0) while nothing is known."""
        return (len(self._rows[0]), len(self._rows)) if self._rows else (0, 0)

    def forget(self, width: int = 0, height: int = 0) -> None:
        """Nothing is known any more of a terminal of this size."""
        self._rows = [[None] * width for _ in range(height)]

    def take(self, parts: Iterable[Part], colors: ColorSystem) -> str:
        """What to write so that the terminal shows the parts; empty where it does already.

        The cursor is left anywhere. What lies outside of the screen is left out.
        """
        width, height = self.size
        rows: dict[int, list[Cell | None]] = {}
        pictures = []
        for y, x, strip, start, end in parts:
            start, end = max(start, x, 0), min(end, width)
            if not 0 <= y < height:
                continue
            row = rows.setdefault(y, self._rows[y].copy())
            cells, control = _cells(strip, colors)
            cells = cells[start - x : end - x]
            row[start : start + len(cells)] = cells
            if control:
                pictures.append(_picture(control, y, range(start, start + len(cells)), height))
        for picture in pictures:
            for y in picture.rows:
                row = rows.setdefault(y, self._rows[y].copy())
                for x in picture.columns:
                    row[x] = (" ", (row[x] or _BLANK)[1]._replace(picture=picture.text))
        again = [picture for picture in pictures if any(self._differs(picture, y, rows[y]) for y in picture.rows)]
        pen = Pen()
        for y, row in sorted(rows.items()):
            if row != self._rows[y]:
                for start, end in _runs(self._rows[y], row):
                    pen.go(y, start)
                    pen.draw(row[start:end])
                self._rows[y] = row
        pen.rest()
        return pen.text + "".join(picture.text for picture in again)

    def _differs(self, picture: Picture, y: int, row: Sequence[Cell | None]) -> bool:
        columns = slice(picture.columns.start, picture.columns.stop)
        return row[columns] != self._rows[y][columns]


class Pen:
    """Collects what is written; a style lasts until another one comes."""

    def __init__(self) -> None:
        self.text = ""
        self._sgr = ""

    def go(self, y: int, x: int) -> None:
        """To a cell."""
        self.text += f"\x1b[{y + 1};{x + 1}H"

    def draw(self, cells: Sequence[Cell | None]) -> None:
        """Writes cells side by side."""
        for ink, group in groupby((cell or _BLANK for cell in cells), itemgetter(1)):
            self._dip(ink.sgr)
            text = "".join(cell[0] for cell in group)
            self.text += f"\x1b]8;;{ink.link}\x1b\\{text}\x1b]8;;\x1b\\" if ink.link else text

    def rest(self) -> None:
        """Back to the terminal's own style."""
        self._dip("")

    def _dip(self, sgr: str) -> None:
        if sgr != self._sgr:
            self._sgr = sgr
            self.text += f"\x1b[0;{sgr}m" if sgr else "\x1b[0m"


def _runs(before: Sequence[Cell | None], after: Sequence[Cell | None]) -> list[tuple[int, int]]:
    """The spans of a row to write: what changed, with the short gaps between.

    Terminals do not agree on how wide clusters of several characters are: a row with one is written whole.
    """
    if any(cell is not None and len(cell[0]) > 1 for row in (before, after) for cell in row):
        return [(0, len(after))]
    runs: list[tuple[int, int]] = []
    for x, (old, new) in enumerate(zip(before, after, strict=True)):
        if old != new:
            if runs and x - runs[-1][1] <= GAP:
                runs[-1] = runs[-1][0], x + 1
            else:
                runs.append((x, x + 1))
    return [(_whole(after, start), end) for start, end in runs]


def _whole(row: Sequence[Cell | None], start: int) -> int:
    """Where the character begins that a column lies in."""
    while start and (row[start] or _BLANK)[0] == "":
        start -= 1
    return start


def _cells(strip: Strip, colors: ColorSystem) -> tuple[list[Cell], list[Segment]]:
    """A strip cell by cell, and its segments that take no cell."""
    cells: list[Cell] = []
    control = []
    for segment in strip:
        text, style, codes = segment
        if codes:
            control.append(segment)
        else:
            ink = _PLAIN if style is None else _ink(style, colors)
            cells += [(cell, ink) for cell in _split(text)]
    return cells, control


def _ink(style: Style, colors: ColorSystem) -> Ink:
    sgr = style._ansi if style._ansi is not None else Strip.render_ansi(style, colors)
    return Ink(sgr, style._link or "")


@lru_cache(8192)
def _split(text: str) -> tuple[str, ...]:
    """A text's cells. What takes no cell belongs to the one before it."""
    if text.isascii() and text.isprintable():
        return tuple(text)
    cells: list[str] = []
    for start, end, width in split_graphemes(text)[0]:
        if width:
            cells += [text[start:end], *[""] * (width - 1)]
        elif cells:
            lead = next(place for place in reversed(range(len(cells))) if cells[place])
            cells[lead] += text[start:end]
    return tuple(cells)


def _picture(control: Sequence[Segment], y: int, columns: range, height: int) -> Picture:
    """From the row that the cursor is moved to first, down to the strip's own."""
    moves = [code for segment in control for code in segment.control or () if code[0] is ControlType.CURSOR_MOVE_TO]
    top = int(moves[0][2]) if moves else y  # type: ignore[misc]
    text = "".join(segment.text for segment in control)
    return Picture(text, range(max(0, min(top, y)), min(y + 1, height)), columns)
