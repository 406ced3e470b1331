"""Bars in cells: whole blocks up to the value, the last one in eighths, the series' glyph on top."""

import math

from engine.figures.figure import Series, bar_span
from engine.figures.palette import style
from tui_app import glyphs
from tui_app.widgets.curve.data import Dot, transform
from tui_app.widgets.curve.frame import Frame

BLOCKS = " ▁▂▃▄▅▆▇█"
EIGHTHS = len(BLOCKS) - 1


def draw_bars(frame: Frame) -> None:
    """The bars of every series, side by side at each category."""
    bars = frame.view.figure.bars
    for i, series in enumerate(bars):
        for x, y in transform(series.x, series.y, False, frame.y.log):
            if math.isfinite(y):
                _draw_bar(frame, series, _columns(frame, *bar_span(x, i, len(bars))), y)


def middle(frame: Frame, series: Series, x: float) -> float:
    """Where on the axis the middle of a series' bar at the category `x` lies."""
    bars = frame.view.figure.bars
    left, right = bar_span(x, bars.index(series), len(bars))
    return (left + right) / 2


def _columns(frame: Frame, left: float, right: float) -> range:
    """The plot's columns that a bar fills, one at least."""
    low, scale = frame.x.low, frame.columns / (frame.x.high - frame.x.low)
    first = round((left - low) * scale)
    last = max(first + 1, round((right - low) * scale))
    return range(max(0, first), min(frame.columns, last))


def _draw_bar(frame: Frame, series: Series, columns: range, y: float) -> None:
    ground, end = sorted((_eighths(frame, frame.y.low if frame.y.log else 0.0), _eighths(frame, y)))
    hue = style(series.slot).rgb
    for row in range(frame.lines):
        bottom = (frame.lines - 1 - row) * EIGHTHS
        filled = min(end - bottom, EIGHTHS)
        if filled > 0 and ground < bottom + EIGHTHS:
            char = ("#" if filled * 2 >= EIGHTHS else " ") if glyphs.plain() else BLOCKS[filled]
            for column in columns:
                frame.write(frame.left + column, row, char, hue)
    top = frame.cell(_tip(frame, columns, y))
    if top is not None:
        frame.write(*top, glyphs.series(series.slot), hue)


def _tip(frame: Frame, columns: range, y: float) -> Dot:
    """The middle of a bar's end."""
    share = (columns.start + len(columns) // 2 + 0.5) / frame.columns
    return frame.x.low + share * (frame.x.high - frame.x.low), min(max(y, frame.y.low), frame.y.high)


def _eighths(frame: Frame, y: float) -> int:
    share = (y - frame.y.low) / (frame.y.high - frame.y.low)
    return round(min(1.0, max(0.0, share)) * frame.lines * EIGHTHS)
