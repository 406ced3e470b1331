"""The lines of a figure as strokes in axis coordinates, from the back to the front."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.figures.figure import Series
from engine.figures.lanes import lanes
from engine.figures.palette import style
from tui_app.widgets.curve.bars import middle
from tui_app.widgets.curve.data import Dot, clip, scaler, smooth, staircase, thin, transform, unbroken
from tui_app.widgets.curve.frame import RGB, Frame, dots


@dataclass(frozen=True, slots=True)
class Stroke:
    """Dots of one hue, joined or not. `bar` asks for an upright in place of a line where there is only ASCII."""

    dots: Sequence[Dot]
    hue: RGB
    joined: bool = True
    char: str = "."


def strokes(frame: Frame) -> list[list[Stroke]]:
    """Levels, raw curves and intervals behind, curves in front; those that share a stretch in lists of their own."""
    back: list[Stroke] = []
    front: list[list[Stroke]] = []
    figure = frame.view.figure
    for series, lane in zip(figure.series, lanes(figure), strict=True):
        front.extend([] for _ in range(lane + 1 - len(front)))
        if series.kind == "level":
            back.extend(_level(frame, series))
        elif series.kind not in ("steps", "cells"):
            (front[0] if series.kind == "bar" else back).extend(_intervals(frame, series))
        if series.kind in ("line", "steps"):
            raw, curve = _curve(frame, series)
            back.extend(raw)
            front[lane].extend(curve)
    return [back + front[0], *front[1:]] if front else []


def faint(hue: RGB, ground: RGB) -> RGB:
    """A hue taken halfway to the ground: for what stands behind a curve."""
    red, green, blue = ((a + b) // 2 for a, b in zip(hue, ground, strict=True))
    return red, green, blue


def _level(frame: Frame, series: Series) -> Iterator[Stroke]:
    """One value across the plot, dotted so that nobody takes it for a curve."""
    value = scaler(frame.y.log)(series.y[0]) if series.y else math.nan
    if math.isfinite(value):
        across, _ = dots()
        step = across * (frame.x.high - frame.x.low) / max(1, across * frame.columns - 1)
        line = [(frame.x.low + i * step, value) for i in range(frame.columns)]
        yield Stroke(line, style(series.slot).rgb, joined=False, char="-")


def _curve(frame: Frame, series: Series) -> tuple[list[Stroke], list[Stroke]]:
    """What stands behind (the raw curve, where a smoothed one is shown) and the curve."""
    hue, weight = style(series.slot).rgb, frame.view.smoothing
    raw: list[Stroke] = []
    curve: list[Stroke] = []
    for stretch in unbroken(transform(series.x, series.y, frame.x.log, frame.y.log)):
        if series.kind == "steps":
            curve.extend(_visible(frame, staircase(stretch), hue))
        elif weight:
            raw.extend(_visible(frame, stretch, faint(hue, frame.view.ground)))
            curve.extend(_visible(frame, smooth(stretch, weight), hue))
        else:
            curve.extend(_visible(frame, stretch, hue))
    return raw, curve


def _intervals(frame: Frame, series: Series) -> Iterator[Stroke]:
    """Error bars where points stand apart and the bar is taller than half a cell; else two faint bounds."""
    if series.y_low is None or series.y_high is None:
        return
    hue = faint(style(series.slot).rgb, frame.view.ground)
    xs = [middle(frame, series, x) for x in series.x] if series.kind == "bar" else series.x
    low = transform(xs, series.y_low, frame.x.log, frame.y.log)
    high = transform(xs, series.y_high, frame.x.log, frame.y.log)
    if len(low) > frame.columns // 3:
        for bound in (low, high):
            for stretch in unbroken(bound):
                yield from _visible(frame, stretch, hue)
        return
    half_cell = (frame.y.high - frame.y.low) / (2 * frame.lines)
    for (x, bottom), (_, top) in zip(low, high, strict=True):
        if frame.x.low <= x <= frame.x.high and top - bottom > half_cell:
            yield Stroke([(x, bottom), (x, top)], hue, char="|")


def _visible(frame: Frame, line: Sequence[Dot], hue: RGB) -> Iterator[Stroke]:
    low, high = frame.x.low, frame.x.high
    dots = thin(clip(line, low, high), low, high, 2 * frame.columns)
    if dots:
        yield Stroke(dots, hue)
