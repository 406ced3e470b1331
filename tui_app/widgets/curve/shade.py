"""Shaded bands: the interval of a level or of steps, stippled where nothing else is drawn."""

import math
from bisect import bisect_right
from collections.abc import Callable

from engine.figures.figure import Series
from engine.figures.palette import style
from tui_app import glyphs
from tui_app.widgets.curve.data import scaler, transform
from tui_app.widgets.curve.frame import RGB, Frame, dots
from tui_app.widgets.curve.strokes import faint

_DOTS = (0x01, 0x02, 0x04, 0x40)  # the left ones of a braille cell, from the top

Bounds = Callable[[float], tuple[float, float] | None]
"""From x to the lower and upper end of a band there, all in axis coordinates; None where it has none."""


def draw_bands(frame: Frame) -> None:
    """The bands of every series that has one, the baseline's behind the others."""
    for series in reversed(frame.view.figure.series):
        if series.kind not in ("level", "steps") or not series.y_low or not series.y_high:
            continue
        bounds = _level(frame, series) if series.kind == "level" else _steps(frame, series)
        _draw(frame, bounds, faint(style(series.slot).rgb, frame.view.ground))


def _level(frame: Frame, series: Series) -> Bounds:
    ends = scaler(frame.y.log)((series.y_low or series.y)[0]), scaler(frame.y.log)((series.y_high or series.y)[0])
    return lambda _: ends if all(map(math.isfinite, ends)) else None


def _steps(frame: Frame, series: Series) -> Bounds:
    low, high = (transform(series.x, bound or (), frame.x.log, frame.y.log) for bound in (series.y_low, series.y_high))
    known = [
        (x, (below, above))
        for (x, below), (_, above) in zip(low, high, strict=True)
        if math.isfinite(x + below + above)
    ]
    places = [x for x, _ in known]

    def bounds(x: float) -> tuple[float, float] | None:
        return known[bisect_right(places, x) - 1][1] if known and places[0] <= x <= places[-1] else None

    return bounds


def _draw(frame: Frame, bounds: Bounds, hue: RGB) -> None:
    """A few dots of the band, in a pattern that a line is told from."""
    down, cells = dots()[1], frame.lines
    for column in range(frame.columns):
        x = frame.x.low + (frame.x.high - frame.x.low) * (column + 0.5) / frame.columns
        ends = bounds(x)
        if ends is None:
            continue
        first, last = (frame.y.pixel(min(max(y, frame.y.low), frame.y.high), down * cells) for y in ends)
        for row in range(max(0, cells - 1 - last // down), min(cells, cells - first // down)):
            if frame.text[row][frame.left + column] == " " and (char := _stipple(frame, column, row, first, last)):
                frame.write(frame.left + column, row, char, hue)


def _stipple(frame: Frame, column: int, row: int, first: int, last: int) -> str:
    if glyphs.plain():
        return ":" if (column + row) % 2 else ""
    bottom = 4 * (frame.lines - 1 - row)
    pattern = 0
    for i in range(4):
        dot = bottom + 3 - i
        if first <= dot <= last and dot % 4 == 2 * (column % 2):
            pattern |= _DOTS[i]
    return chr(0x2800 + pattern) if pattern else ""
