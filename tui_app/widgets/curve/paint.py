"""Cells to strips: runs of one hue become segments, a cursor column is laid over, unchanged cells are told apart."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui_app.widgets.curve.frame import RGB, Frame
from tui_app.widgets.curve.legend import Entry

GAP = 3  # unchanged cells between two changed ones that cost less to send again than to jump over


class Paint(NamedTuple):
    """What decides how a cell looks. A hue of None is an axis."""

    hue: RGB | None = None
    marked: bool = False
    cursor: bool = False


Painter = Callable[[Paint], Style]


def row_strip(frame: Frame, row: int, cursor: int | None, style: Painter) -> Strip:
    """One row of the frame; `cursor` is the column that the cursor stands in."""
    paints = [
        Paint(hue, (column, row) in frame.marked, column == cursor and row < frame.lines)
        for column, hue in enumerate(frame.hues[row])
    ]
    segments = []
    for paint, cells in groupby(zip(paints, frame.text[row], strict=True), key=lambda cell: cell[0]):
        segments.append(Segment("".join(char for _, char in cells), style(paint)))
    return Strip(segments, frame.view.width)


def heading_strip(entries: Sequence[Entry], width: int, style: Painter, text: Style) -> Strip:
    """The legend or the readout, glyphs in their hues and words in the text's style."""
    segments = [Segment(" ", text)]
    for entry in entries:
        segments += [Segment(f"{entry.glyph} ".lstrip(), style(Paint(entry.hue))), Segment(f"{entry.text}  ", text)]
    return Strip(segments).adjust_cell_length(width, text)


def changed(before: Frame, after: Frame) -> Iterator[tuple[int, int, int]]:
    """Where two frames of one size differ, as (column, row, width)."""
    for row in range(after.view.height):
        start = end = None
        old = zip(before.text[row], before.hues[row], strict=True)
        new = zip(after.text[row], after.hues[row], strict=True)
        for column, (was, is_now) in enumerate(zip(old, new, strict=True)):
            place = (column, row)
            if was == is_now and (place in before.marked) == (place in after.marked):
                continue
            if end is not None and start is not None and column - end > GAP:
                yield start, row, end - start
                start = None
            start = column if start is None else start
            end = column + 1
        if start is not None and end is not None:
            yield start, row, end - start
