"""Cells to strips: runs of one hue become segments, a cursor column is laid over, unchanged cells are told apart."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.geometry import Size
from textual.strip import Strip

from tui_app import glyphs
from tui_app.widgets.curve.frame import RGB, Frame
from tui_app.widgets.curve.legend import Entry

GAP = 3  # unchanged cells between two changed ones that cost less to send again than to jump over

MARGIN, LONGEST = 2, 96  # cells beside what is said in place of a figure, and the longest line of it


class Paint(NamedTuple):
    """What decides how a cell looks. A hue of None is an axis; `ground` is a colour of its own behind it."""

    hue: RGB | None = None
    marked: bool = False
    cursor: bool = False
    ground: RGB | None = None


Painter = Callable[[Paint], Style]


def row_strip(frame: Frame, row: int, chosen: range, style: Painter) -> Strip:
    """One row of the frame; `chosen` are the columns that the cursor or a selection covers."""
    paints = [
        Paint(
            hue,
            (column, row) in frame.marked,
            column in chosen and row < frame.lines,
            frame.grounds.get((column, row)),
        )
        for column, hue in enumerate(frame.hues[row])
    ]
    segments = []
    for paint, cells in groupby(zip(paints, frame.text[row], strict=True), key=lambda cell: cell[0]):
        segments.append(Segment("".join(char for _, char in cells), style(paint)))
    return Strip(segments, frame.view.width)


def heading_strip(entries: Sequence[Entry], width: int, style: Painter, text: Style) -> Strip:
    """A line of the legend or the readout, glyphs in their hues and words in the text's style; hidden ones dim."""
    segments = [Segment(" ", text)]
    for entry in entries:
        glyph, ink = (glyphs.sign("dot"), style(Paint())) if entry.hidden else (entry.glyph, style(Paint(entry.hue)))
        segments.append(Segment(f"{glyph} ".lstrip(), ink))
        segments.append(Segment(f"{entry.text}  ", ink if entry.hidden else text))
    return Strip(segments).adjust_cell_length(width, text)


def said_strip(text: str, row: int, size: Size, quiet: Style, style: Style, alarm: Style | None) -> Strip:
    """A row of what is said in place of a figure: one line in the middle, several as a block, wrapped, never cut.

    The first line of an alarm has its style, the others the text's own.
    """
    room = size.width if cell_len(text) <= size.width else size.width - 2 * MARGIN
    width = max(1, min(room, LONGEST))
    lines = [line.plain.rstrip() for line in Content(text).wrap(width)]
    place = row - max(0, (size.height - 1 - len(lines)) // 2)
    if not 0 <= place < len(lines):
        return Strip.blank(size.width, style)
    indent = " " * ((size.width - max(map(cell_len, lines))) // 2)
    look = quiet if alarm is None else alarm if place == 0 else style
    return Strip([Segment(indent + lines[place], look)]).adjust_cell_length(size.width, style)


def changed(before: Frame, after: Frame) -> Iterator[tuple[int, int, int]]:
    """Where two frames of one size differ, as (column, row, width)."""
    for row in range(after.view.height):
        start = end = None
        old = zip(before.text[row], before.hues[row], strict=True)
        new = zip(after.text[row], after.hues[row], strict=True)
        for column, (was, is_now) in enumerate(zip(old, new, strict=True)):
            place = (column, row)
            same = (place in before.marked) == (place in after.marked)
            if was == is_now and same and before.grounds.get(place) == after.grounds.get(place):
                continue
            if end is not None and start is not None and column - end > GAP:
                yield start, row, end - start
                start = None
            start = column if start is None else start
            end = column + 1
        if start is not None and end is not None:
            yield start, row, end - start
