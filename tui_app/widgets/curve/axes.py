"""Axes: ranges that move in steps, round ticks at equal distances of whole cells, labels that do not touch."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tui_app.widgets.curve.data import scaler
from tui_app.widgets.units import tick_labels

FLAT = 1e-9  # a spread smaller than this share of the values is none
NOISE = 1e-7  # of a dot: what rounding may move a place
DOUBLE = math.log10(2)
_FEWEST, _ENOUGH, _MANY = 2, 5, 7  # ticks
_MOST = 60
AT_POINTS = 0.2  # what it is worth that ticks stand at the points themselves


@dataclass(frozen=True, slots=True)
class Axis:
    """A range in the axis's own coordinates (log10 where `log`), with ticks in the same coordinates.

    `cells` are the ticks' places in cells from the low end, all the same distance apart. `end` is where the range was
    to end: the axis reaches on to `high`, so that a step between two ticks is a whole number of cells.
    """

    low: float
    high: float
    log: bool
    end: float
    ticks: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    cells: tuple[int, ...] = ()

    def pixel(self, place: float, pixels: int) -> int:
        """The pixel of a place in 0…pixels-1; the first and last are the ends of the range."""
        return math.floor(0.5 + NOISE + (pixels - 1) * (place - self.low) / (self.high - self.low))


def round_step(span: float, count: int) -> float:
    """The smallest 1, 2, 2.5 or 5 times a power of ten that cuts a span into at most `count` parts."""
    raw = span / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= raw * (1 - 1e-9))


def widened(low: float, high: float, share: float = 0.0) -> tuple[float, float]:
    """A range that is next to none gets `share` of its value on both sides, or half a unit."""
    size = max(abs(low), abs(high), FLAT)
    if high - low > FLAT * size:
        return low, high
    margin = share * size if share and size > FLAT else max(0.5, 2 * FLAT * size)
    return low - margin, high + margin


def value_axis(
    values: Sequence[float], given: tuple[float, float] | None, log: bool, unit: str, lines: int, down: int = 4
) -> Axis:
    """The y axis: its ends lie on a coarse grid around the values, so it moves only when a value leaves it.

    `values` are raw; `given` is a range that must be inside; the axis has `lines` cells of `down` dots each.
    """
    count = max(1, lines // 2 if lines < 10 else lines // 3)
    places = [p for p in map(scaler(log), (*values, *(given or ()))) if math.isfinite(p)]
    low, high = (min(places), max(places)) if places else (0.0, 1.0)
    if log:
        grid = [i + math.log10(k) for i in range(math.floor(low) - 1, math.ceil(high) + 2) for k in (1, 2, 5)]
        bottom = max(place for place in grid if place <= low + 1e-9)
        top = min(place for place in grid if place >= high - 1e-9 and place > bottom)
        anchor = bottom
    else:
        low, high = widened(low, high, 0.05)
        step = round_step(high - low, count)
        bottom = math.floor(2 * low / step + 1e-9) / 2 * step
        top = math.ceil(2 * high / step - 1e-9) / 2 * step
        anchor = 0.0
    value = 10**bottom if log else bottom
    best, score = Axis(bottom, top, log, top, (bottom,), tuple(tick_labels([value], unit)), (0,)), -math.inf
    for step, origin in _steps(bottom, top, log, anchor, whole=False):
        apart = math.floor(step * (down * lines - 1) / (down * (top - bottom)) + 1e-9)
        if apart < 1 or (lines > 6 and apart < 2):
            continue
        axis = _placed(bottom, top, log, unit, step, origin, apart, lines, down)
        worth = _worth(axis) - (0.3 if len(axis.ticks) > count + 2 else 0.0)
        if worth > score:
            best, score = axis, worth
    return best


def plan_axis(
    view: tuple[float, float], xs: Sequence[float], log: bool, unit: str, columns: int, across: int = 2
) -> Axis:
    """The x axis over a view (in axis coordinates), `columns` cells of `across` dots wide.

    Labels are chosen so that each has room and none touches another. Where all x are whole numbers, so are the ticks.
    """
    low, high = view
    place = scaler(log)
    inside = [p for p in map(place, sorted(set(xs))[:_MOST]) if low - 1e-12 <= p <= high + 1e-12]
    whole = bool(xs) and all(float(x).is_integer() for x in xs if math.isfinite(x))
    best, score = Axis(low, high, log, high), -math.inf
    for step, origin in _steps(low, high, log, min(inside, default=low), whole):
        apart = math.floor(step * (across * columns - 1) / (across * (high - low)) + 1e-9)
        if apart < 2:
            continue
        axis = _placed(low, high, log, unit, step, origin, apart, columns, across)
        if not axis.labels or _touching(axis, columns):
            continue
        at_ticks = sum(any(abs(p - tick) < NOISE * (high - low) for tick in axis.ticks) for p in inside)
        worth = _worth(axis) + AT_POINTS * at_ticks / max(1, len(inside))
        if worth > score:
            best, score = axis, worth
    return best


def label_span(column: int, length: int, columns: int) -> tuple[int, int]:
    """First and last column of a label centred under `column`, moved inside the plot."""
    start = max(0, min(column - length // 2, columns - length))
    return start, start + length - 1


def _steps(low: float, high: float, log: bool, anchor: float, whole: bool) -> Iterator[tuple[float, float]]:
    """Distances that two ticks may have, the finest first, each with a place that one of the ticks stands at."""
    span = high - low
    if log:
        if span < 2:
            yield from ((DOUBLE * k, anchor) for k in range(1, 8))
        yield from ((float(k), 0.0) for k in range(1, math.ceil(span) + 1))
        return
    power = math.floor(math.log10(span)) - 2
    for exponent in range(power, power + 4):
        for step in (1, 2, 2.5, 5):
            size = step * 10.0**exponent
            if span / size <= _MOST and not (whole and not size.is_integer()):
                yield size, 0.0


def _placed(
    low: float, high: float, log: bool, unit: str, step: float, origin: float, apart: int, cells: int, dots: int
) -> Axis:
    """The axis with a tick every `apart` cells."""
    end = low + step * (dots * cells - 1) / (dots * apart)
    first = math.ceil((low - origin) / step - 1e-9)
    count = math.floor((high - origin) / step + 1e-9) - first + 1
    ticks = tuple(origin + (first + i) * step for i in range(count))
    values = [10**tick if log else tick for tick in ticks]
    labels = tuple(tick_labels([value], unit)[0] for value in values) if log else tuple(tick_labels(values, unit))
    bare = Axis(low, end, log, high)
    start = bare.pixel(ticks[0], dots * cells) // dots if ticks else 0
    places = tuple(start + i * apart for i in range(count))
    return Axis(low, end, log, high, ticks, labels, places)


def _worth(axis: Axis) -> float:
    """How much of the axis is used, with enough ticks, but not a crowd of them."""
    used = (axis.end - axis.low) / (axis.high - axis.low)
    count = len(axis.ticks)
    return used + 0.08 * min(count, _ENOUGH) - 0.04 * max(0, count - _MANY) - (1.0 if count < _FEWEST else 0.0)


def _touching(axis: Axis, columns: int) -> bool:
    end = -2
    for cell, label in zip(axis.cells, axis.labels, strict=True):
        start, last = label_span(cell, len(label), columns)
        if start <= end + 1 or last >= columns:
            return True
        end = last
    return False
