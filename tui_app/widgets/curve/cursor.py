"""Where the cursor may stand, and what zooming keeps in place."""

import math

from tui_app.widgets.curve.frame import Frame

CLOSEST = 1 / 64


def next_stop(frame: Frame, cursor: float | None, step: int) -> float | None:
    """The x of the next point left (-1) or right (1) that lies in another column.

    From nowhere the cursor goes to the marked point, else to the last one, of bars to the first; at an end it stays.
    """
    figure = frame.view.figure
    stops: dict[int, float] = {}
    for x in sorted({x for series in figure.series if series.kind in ("line", "scatter", "bar") for x in series.x}):
        column = frame.column(x)
        if column is not None:
            stops.setdefault(column, x)
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


def zoomed(
    window: tuple[float, float], factor: float, frame: Frame | None, cursor: float | None
) -> tuple[float, float]:
    """The window made `factor` as wide; what is under the cursor, else the middle, stays where it is."""
    low, high = window
    width = max(CLOSEST, min(1.0, (high - low) * factor))
    share = 0.5
    if frame is not None and cursor is not None and (column := frame.column(cursor)) is not None:
        share = (column - frame.left) / max(1, frame.columns - 1)
    start = max(0.0, min(low + share * (high - low - width), 1.0 - width))
    return (start, start + width) if not math.isclose(width, 1.0) else (0.0, 1.0)
