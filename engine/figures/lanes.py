"""Curves that lie on one another, so that a drawing can set them side by side and none hides the other."""

import math
from bisect import bisect_right

from engine.figures.figure import Figure, Scale, Series

NEAR = 0.004  # of the y range: closer than a line is wide
SEEN = 0.04  # of the x range: a stretch that two curves must share to hide one another
MOST = 1000  # points of a curve that are looked at

_Curve = tuple[list[float], list[float], bool]


def lanes(figure: Figure) -> list[int]:
    """A number for each series: those that share a stretch have different ones, all others 0."""
    curves = [_curve(one, figure.y_scale) if one.kind in ("line", "steps") else None for one in figure.series]
    values = [y for curve in curves if curve for y in curve[1]]
    near = NEAR * (max(values) - min(values)) if values else 0.0
    found = [0] * len(curves)
    for i, curve in enumerate(curves):
        if curve is not None:
            taken = {found[k] for k, other in enumerate(curves[:i]) if other is not None and _share(curve, other, near)}
            found[i] = next(lane for lane in range(len(curves)) if lane not in taken)
    return found


def _curve(series: Series, scale: Scale) -> _Curve | None:
    """The finite points by x, with y as it is drawn."""
    pairs = ((x, _drawn(y, scale)) for x, y in zip(series.x, series.y, strict=True))
    points = sorted((x, y) for x, y in pairs if math.isfinite(x) and math.isfinite(y))
    every = max(1, len(points) // MOST)
    kept = points[::every]
    return ([x for x, _ in kept], [y for _, y in kept], series.kind == "steps") if len(kept) > 1 else None


def _drawn(y: float, scale: Scale) -> float:
    if scale == "linear":
        return y
    return math.log10(y) if y > 0 else math.nan


def _share(one: _Curve, other: _Curve, near: float) -> bool:
    """Whether two curves run together over a stretch that is seen; where they only cross they do not."""
    start, end = max(one[0][0], other[0][0]), min(one[0][-1], other[0][-1])
    long = SEEN * (max(one[0][-1], other[0][-1]) - min(one[0][0], other[0][0]))
    since: float | None = None
    for x in sorted({x for x in (*one[0], *other[0]) if start <= x <= end}):
        if abs(_at(one, x) - _at(other, x)) > near:
            since = None
        elif since is None:
            since = x
        elif x - since >= long:
            return True
    return False


def _at(curve: _Curve, x: float) -> float:
    xs, ys, held = curve
    i = max(0, bisect_right(xs, x) - 1)
    if held or i + 1 >= len(xs) or xs[i + 1] == xs[i]:
        return ys[i]
    return ys[i] + (ys[i + 1] - ys[i]) * (x - xs[i]) / (xs[i + 1] - xs[i])


def side_by_side(lane: int) -> int:
    """How many line widths up (or down) a lane lies: 0, 1, -1, 2, -2 and so on."""
    return (lane + 1) // 2 * (1 if lane % 2 else -1)
