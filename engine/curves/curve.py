"""A curve that another program recorded, and how it is laid into a figure of ours. Imports no library."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from engine.errors import InputError
from engine.figures.figure import Figure, Scale, Series, Unit

STEPPED = frozenset(("Step", "Trial"))
"""The axes along which a curve that counts steps can lie."""


@dataclass(frozen=True, slots=True)
class Curve:
    """`name` says where it is from: `logs/run1: train/loss`. `x` ascends and has the length of `y`; all are finite.

    `steps` says that `x` counts steps; otherwise it is what the figure has along its axis, in its unit. `said` is what
    was left out, in a sentence.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    steps: bool = True
    said: str = ""


def finite(name: str, pairs: list[tuple[float, float]], steps: bool) -> Curve:
    """A curve of (step, value) in any order. Values that are NaN or infinite are left out, which it says.

    Raises:
        InputError: no value is left.
    """
    kept = sorted((pair for pair in pairs if math.isfinite(pair[1])), key=lambda pair: pair[0])
    if not kept:
        raise InputError(f"{name} has no value that is a finite number; there is nothing to draw.")
    x, y = zip(*kept, strict=True)
    lost = len(pairs) - len(kept)
    said = f"{name}: {lost:,} of {len(pairs):,} values are NaN or infinite and left out." if lost else ""
    return Curve(name, x, y, steps, said)


def laid(figure: Figure, curves: Sequence[Curve]) -> Figure:
    """The figure with the curves after its own, each in the next free hue; axes that are pinned grow to show them.

    Where the figure has percent, values above 1 are percents. Raises InputError where a curve does not fit its axes.
    """
    if not curves:
        return figure
    slot = max((one.slot for one in figure.series), default=-1) + 1
    added = tuple(_series(figure, curve, slot + place) for place, curve in enumerate(curves))
    return replace(
        figure,
        series=(*figure.series, *added),
        x_range=_grown(figure.x_range, [x for one in added for x in one.x]),
        y_range=_grown(figure.y_range, [y for one in added for y in one.y]),
    )


def fitting(figures: Sequence[Figure], beside: Callable[[Figure], Sequence[Curve]]) -> Figure:
    """The first of the figures into which the curves that are meant beside it can be laid, with them.

    Raises InputError where there is none, with the reason of the first.
    """
    problem = InputError("There is no figure to lay a curve into.")
    for place, figure in enumerate(figures):
        try:
            return laid(figure, beside(figure))
        except InputError as error:
            problem = problem if place else error
    raise problem


def _series(figure: Figure, curve: Curve, slot: int) -> Series:
    if figure.categories:
        raise InputError(f"{curve.name} cannot lie in {figure.title!r}, which has names along it; take another figure.")
    if curve.steps and figure.x_label not in STEPPED:
        raise InputError(
            f"{curve.name} counts steps and {figure.title!r} has {figure.x_label!r} along it; take another figure, or "
            "a table with such a column."
        )
    x, y = _shares(curve.x, figure.x_unit), _shares(curve.y, figure.y_unit)
    kept = [
        pair for pair in zip(x, y, strict=True) if _shown(pair[0], figure.x_scale) and _shown(pair[1], figure.y_scale)
    ]
    if not kept:
        raise InputError(f"{curve.name} has no value above 0, as the logarithmic axis of {figure.title!r} needs.")
    x, y = zip(*kept, strict=True)
    return Series(curve.name, x, y, slot=slot)


def _shares(values: tuple[float, ...], unit: Unit) -> tuple[float, ...]:
    in_percent = unit == "percent" and max(map(abs, values)) > 1
    return tuple(value / 100 for value in values) if in_percent else values


def _shown(value: float, scale: Scale) -> bool:
    return scale == "linear" or value > 0


def _grown(pinned: tuple[float, float] | None, values: Sequence[float]) -> tuple[float, float] | None:
    return None if pinned is None else (min(pinned[0], *values), max(pinned[1], *values))
