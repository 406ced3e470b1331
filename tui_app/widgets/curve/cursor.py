"""Where the cursor may stand, and what zooming keeps in place."""

import math
from collections.abc import Sequence

from tui_app.widgets.curve.controls import WHOLE
from tui_app.widgets.curve.frame import Frame

CLOSEST = 1 / 64

Window = tuple[float, float]
"""The visible share of the x range."""


def next_stop(frame: Frame, cursor: float | None, step: int) -> float | None:
    """The x of the next point left (-1) or right (1) that lies in another column.

    From nowhere the cursor goes to the marked point, else to the last one, of bars to the first; at an end it stays.
    """
    figure, stops = frame.view.figure, _stops(frame)
    if not stops:
        return cursor
    columns = sorted(stops)
    here = None if cursor is None else frame.column(cursor)
    if here is None:
        marked = [frame.column(mark.x) for mark in figure.marks]
        usual = columns[0] if figure.categories else columns[-1]
        return stops[next((column for column in marked if column in stops), usual)]
    beyond = [column for column in columns if (column > here if step > 0 else column < here)]
    if not beyond:
        return cursor
    return stops[beyond[0] if step > 0 else beyond[-1]]


def _stops(frame: Frame) -> dict[int, float]:
    """Columns with a point in them, each with the x of its first one."""
    stops: dict[int, float] = {}
    for x in sorted({x for series in frame.view.figure.series if series.kind != "level" for x in series.x}):
        if (column := frame.column(x)) is not None:
            stops.setdefault(column, x)
    return stops


def point_near(frame: Frame, column: int) -> float | None:
    """The x of the point nearest to a column."""
    stops = _stops(frame)
    return stops[min(stops, key=lambda stop: abs(stop - column))] if stops else None


def share_at(frame: Frame, column: int) -> float:
    """How far along what is in view a column of the frame lies, from 0 to 1."""
    x = frame.x
    place = x.low + (column - frame.left + 0.5) / frame.columns * (x.high - x.low)
    return max(0.0, min(1.0, (place - x.low) / (x.end - x.low)))


def zoomed(window: Window, factor: float, share: float = 0.5) -> Window:
    """The window made `factor` as wide; what lies at `share` of it stays where it is."""
    low, high = window
    width = max(CLOSEST, min(1.0, (high - low) * factor))
    start = max(0.0, min(low + share * (high - low - width), 1.0 - width))
    return (start, start + width) if not math.isclose(width, 1.0) else WHOLE


def narrowed(window: Window, shares: Sequence[float]) -> Window:
    """The part of the window between two shares of it."""
    low, high = window
    start, end = (low + share * (high - low) for share in sorted(shares))
    width = max(CLOSEST, end - start)
    start = max(0.0, min((start + end - width) / 2, 1.0 - width))
    return start, start + width
