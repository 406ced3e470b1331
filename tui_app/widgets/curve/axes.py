"""Axes: ranges that move in steps, round ticks, labels that do not touch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tui_app.text import clean
from tui_app.widgets.curve.data import scaler
from tui_app.widgets.units import shortened, tick_labels

FLAT = 1e-9  # a spread smaller than this share of the values is none


@dataclass(frozen=True, slots=True)
class Axis:
    """A range in the axis's own coordinates (log10 where `log`), with ticks in the same coordinates."""

    low: float
    high: float
    log: bool
    unit: str
    ticks: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()

    def pixel(self, place: float, pixels: int) -> int:
        """The pixel of a place in 0…pixels-1; the first and last are the ends of the range."""
        return math.floor(0.5 + (pixels - 1) * (place - self.low) / (self.high - self.low))


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


def value_axis(values: Sequence[float], given: tuple[float, float] | None, log: bool, unit: str, count: int) -> Axis:
    """The y axis: its ends lie on a coarse grid around the values, so it moves only when a value leaves it.

    `values` are raw; `given` is a range that must be inside; `count` is how many ticks there is room for.
    """
    places = [p for p in map(scaler(log), (*values, *(given or ()))) if math.isfinite(p)]
    low, high = (min(places), max(places)) if places else (0.0, 1.0)
    if log:
        return _log_axis(low, high, unit, count)
    low, high = widened(low, high, 0.05)
    step = round_step(high - low, count)
    bottom = math.floor(2 * low / step + 1e-9) / 2
    top = math.ceil(2 * high / step - 1e-9) / 2
    ticks = tuple(i * step for i in range(math.ceil(bottom), math.floor(top) + 1))
    return Axis(bottom * step, top * step, False, unit, ticks, tuple(tick_labels(ticks, unit)))


def _log_axis(low: float, high: float, unit: str, count: int) -> Axis:
    """Ends and ticks at 1, 2 and 5 times powers of ten, or at the powers alone over several decades."""
    grid = [i + math.log10(k) for i in range(math.floor(low) - 1, math.ceil(high) + 2) for k in (1, 2, 5)]
    bottom = max(place for place in grid if place <= low + 1e-9)
    top = min(place for place in grid if place >= high - 1e-9 and place > bottom)
    ticks = [place for place in grid if bottom <= place <= top]
    if len(ticks) > count:
        decades = [float(i) for i in range(math.ceil(bottom), math.floor(top) + 1)]
        ticks = decades[:: max(1, math.ceil(len(decades) / max(count, 1)))] or [bottom, top]
    return Axis(bottom, top, True, unit, tuple(ticks), tuple(tick_labels([10**tick], unit)[0] for tick in ticks))


def plan_axis(view: tuple[float, float], xs: Sequence[float], log: bool, unit: str, columns: int) -> Axis:
    """The x axis over a view (in axis coordinates): ticks at the points themselves where those are few.

    Labels are chosen so that each has room and none touches another.
    """
    low, high = view
    place = scaler(log)
    values = [x for x in sorted(set(xs)) if low - 1e-12 <= place(x) <= high + 1e-12]
    if not 1 <= len(values) <= 16:
        values = _round_values(low, high, log, max(2, columns // 12))
    labels = tick_labels(values, unit)
    axis = Axis(low, high, log, unit)
    kept: list[int] = []
    taken: list[tuple[int, int]] = []
    for i in [0, len(values) - 1, *range(1, len(values) - 1)] if values else []:
        span = label_span(axis.pixel(place(values[i]), columns), len(labels[i]), columns)
        if (
            i not in kept
            and span[1] < columns
            and all(span[1] + 1 < start or end + 1 < span[0] for start, end in taken)
        ):
            kept.append(i)
            taken.append(span)
    kept.sort()
    return Axis(low, high, log, unit, tuple(place(values[i]) for i in kept), tuple(labels[i] for i in kept))


def category_axis(view: tuple[float, float], names: Sequence[str], columns: int) -> Axis:
    """An axis whose places 0, 1, 2… have names, cut to the room that each has."""
    low, high = view
    room = max(1, int(columns / (high - low)) - 1)
    places = [place for place in range(len(names)) if low <= place <= high]
    labels = tuple(shortened(clean(names[place]), room) for place in places)
    return Axis(low, high, False, "number", tuple(map(float, places)), labels)


def label_span(column: int, length: int, columns: int) -> tuple[int, int]:
    """First and last column of a label centred under `column`, moved inside the plot."""
    start = max(0, min(column - length // 2, columns - length))
    return start, start + length - 1


def _round_values(low: float, high: float, log: bool, count: int) -> list[float]:
    if log and high - low >= 1:
        every = max(1, math.ceil((high - low) / count))
        return [10.0**i for i in range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1, every)]
    start, end = (10**low, 10**high) if log else (low, high)
    step = round_step(end - start, count)
    first, last = math.ceil(start / step - 1e-9), math.floor(end / step + 1e-9)
    return [i * step for i in range(first, last + 1)]
