"""What happens to a series between the figure and the dots: sorted, cut to the view, smoothed, thinned."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

Dot = tuple[float, float]
LARGEST = 1e100  # beyond it the arithmetic of axes overflows; such a value is as good as infinite


def transform(xs: Sequence[float], ys: Sequence[float], log_x: bool, log_y: bool) -> list[Dot]:
    """The points in the axes' own coordinates, sorted by x; what an axis cannot hold becomes NaN."""
    return sorted(zip(map(scaler(log_x), xs), map(scaler(log_y), ys), strict=True), key=lambda dot: dot[0])


def scaler(log: bool) -> Callable[[float], float]:
    """From a value to its place on the axis; NaN where it has none."""

    def scaled(value: float) -> float:
        if not abs(value) < LARGEST or (log and value <= 0):
            return math.nan
        return math.log10(value) if log else float(value)

    return scaled


def unbroken(dots: Iterable[Dot]) -> Iterator[list[Dot]]:
    """The stretches without a gap: a NaN loss breaks the line, it does not bend it."""
    stretch: list[Dot] = []
    for dot in dots:
        if math.isfinite(dot[0]) and math.isfinite(dot[1]):
            stretch.append(dot)
        elif stretch:
            yield stretch
            stretch = []
    if stretch:
        yield stretch


def clip(dots: Sequence[Dot], low: float, high: float) -> list[Dot]:
    """The part of a polyline between two x, cut exactly at the edges."""
    kept: list[Dot] = []
    for (x0, y0), (x1, y1) in pairwise(dots):
        kept.extend([(x0, y0)] if low <= x0 <= high else [])
        kept.extend((edge, y0 + (y1 - y0) * (edge - x0) / (x1 - x0)) for edge in (low, high) if x0 < edge < x1)
    kept.extend([dots[-1]] if dots and low <= dots[-1][0] <= high else [])
    return kept


def thin(dots: Sequence[Dot], low: float, high: float, columns: int) -> list[Dot]:
    """First, lowest, highest and last of each column: the same picture from at most four points a column.

    Columns are keyed by x, so that a curve that grows keeps what it has drawn.
    """
    if len(dots) <= 2 * columns or high <= low:
        return list(dots)
    scale = columns / (high - low)
    kept: list[Dot] = []
    column: list[Dot] = []
    key = None
    for dot in dots:
        place = int((dot[0] - low) * scale)
        if place != key and column:
            kept.extend(_corners(column))
            column = []
        key = place
        column.append(dot)
    kept.extend(_corners(column))
    return kept


def _corners(column: Sequence[Dot]) -> list[Dot]:
    lowest = min(range(len(column)), key=lambda i: column[i][1])
    highest = max(range(len(column)), key=lambda i: column[i][1])
    return [column[i] for i in sorted({0, lowest, highest, len(column) - 1})]


def staircase(dots: Sequence[Dot]) -> list[Dot]:
    """A front holds its value until the next point betters it."""
    corners: list[Dot] = []
    for before, after in pairwise(dots):
        corners.extend((before, (after[0], before[1])))
    return [*corners, *dots[-1:]]


def smooth(dots: Sequence[Dot], weight: float) -> list[Dot]:
    """Exponential moving average, corrected for its start (as in Adam), over an unbroken stretch."""
    mean, mass = 0.0, 0.0
    smoothed: list[Dot] = []
    for x, y in dots:
        mean = weight * mean + (1 - weight) * y
        mass = weight * mass + (1 - weight)
        smoothed.append((x, mean / mass))
    return smoothed
