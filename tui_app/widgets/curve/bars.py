"""Bars in cells: filled up to the value, the last cell in eighths; each series has its own hue and filling."""

import math

from engine.figures.figure import Series, bar_span
from engine.figures.palette import style
from tui_app import glyphs
from tui_app.widgets.curve.data import transform
from tui_app.widgets.curve.frame import RGB, Frame

BLOCKS = " ▁▂▃▄▅▆▇█"
EIGHTHS = len(BLOCKS) - 1
HALF = 0.5 + 1e-9  # rounds up, so that the bars of all categories are equally wide


def draw_bars(frame: Frame) -> None:
    """The bars of every series, side by side at each category."""
    bars = frame.view.figure.bars
    for i, series in enumerate(bars):
        for x, y in transform(series.x, series.y, False, frame.y.log):
            if math.isfinite(y):
                _draw_bar(frame, style(series.slot).rgb, i, _columns(frame, *bar_span(x, i, len(bars))), y)


def middle(frame: Frame, series: Series, x: float) -> float:
    """Where on the axis the middle of a series' bar at the category `x` lies."""
    bars = frame.view.figure.bars
    left, right = bar_span(x, bars.index(series), len(bars))
    return (left + right) / 2


def _columns(frame: Frame, left: float, right: float) -> range:
    """The plot's columns that a bar fills, one at least."""
    low, scale = frame.x.low, frame.columns / (frame.x.high - frame.x.low)
    first = math.floor((left - low) * scale + HALF)
    last = max(first + 1, math.floor((right - low) * scale + HALF))
    return range(max(0, first), min(frame.columns, last))


def _draw_bar(frame: Frame, hue: RGB, place: int, columns: range, y: float) -> None:
    ground, end = sorted((_eighths(frame, frame.y.low if frame.y.log else 0.0), _eighths(frame, y)))
    fill = glyphs.bar_fill(place)
    for row in range(frame.lines):
        bottom = (frame.lines - 1 - row) * EIGHTHS
        filled = min(end - bottom, EIGHTHS)
        if filled <= 0 or ground >= bottom + EIGHTHS:
            continue
        whole = filled == EIGHTHS
        part = (fill if filled * 2 >= EIGHTHS else " ") if glyphs.plain() else BLOCKS[filled]
        for column in range(frame.left + columns.start, frame.left + columns.stop):
            frame.write(column, row, fill if whole else part, hue)
            if whole:
                frame.grounds[column, row] = hue


def _eighths(frame: Frame, y: float) -> int:
    share = (y - frame.y.low) / (frame.y.high - frame.y.low)
    return round(min(1.0, max(0.0, share)) * frame.lines * EIGHTHS)
