"""What methods and preparations gain over rounding to nearest, as heat maps by format."""

from collections.abc import Mapping, Sequence

from engine.experiments.quantize.measures import QuantizePoint
from engine.experiments.shared.measured import Concluded
from engine.experiments.shared.pairing import gain
from engine.figures.figure import Figure, Series
from engine.tasks.metric import Bounded, Metric

Results = Mapping[tuple[str, str], Concluded]
"""What was measured, by how a point is rounded and trained, and by its format."""
Cell = tuple[float, Bounded | None]
"""A value, and it with its interval where that is known."""


def figures(points: Sequence[QuantizePoint], metric: Metric) -> list[Figure]:
    """The score by format and method, and its difference from plain rounding; none where nothing else is swept."""
    results = _results(points)
    plain = {point.params.curve: point.params.plain.curve for point in points}
    if all(mode == other for mode, other in plain.items()) or not results:
        return []
    specs = tuple(dict.fromkeys(point.params.format for point in points))
    score, gained = [], []
    for slot, (mode, other) in enumerate(plain.items()):
        here = {spec: one.score for spec in specs if (one := results.get((mode, spec)))}
        score.append(_row(mode, slot, specs, {spec: (one.value, one) for spec, one in here.items()}))
        if mode != other:
            found = {spec: cell for spec in specs if (cell := _gained(results, mode, other, spec))}
            gained.append(_row(mode, slot, specs, found))
    grid = Figure(
        key="grid",
        title=f"Test {metric.name} by format and method",
        x_label="Format",
        y_label=f"Test {metric.name}{' (%)' if metric.unit == 'percent' else ''}",
        series=tuple(score),
        y_unit=metric.unit,
        categories=specs,
        caption="Darker is higher.",
    )
    difference = Figure(
        key="gain",
        title=f"Test {metric.name} against plain rounding to nearest",
        x_label="Format",
        y_label=f"Difference in {metric.name}{' (points)' if metric.unit == 'percent' else ''}",
        series=tuple(gained),
        y_unit=metric.unit,
        categories=specs,
        signed=True,
        caption="Blue is above the same format rounded to nearest without preparing, orange below; both were measured "
        "on the same samples.",
    )
    return [grid, difference]


def _results(points: Sequence[QuantizePoint]) -> Results:
    return {
        (point.params.curve, point.params.format): point.result.measured for point in points if point.result is not None
    }


def _gained(results: Results, mode: str, plain: str, spec: str) -> Cell | None:
    one, other = results.get((mode, spec)), results.get((plain, spec))
    if one is None or other is None or one.given_up or other.given_up:  # measured on other samples
        return None
    paired = gain(one.outcomes, other.outcomes)
    return (one.score.value - other.score.value, None) if paired is None else (paired.value, paired)


def _row(name: str, slot: int, specs: Sequence[str], values: Mapping[str, Cell]) -> Series:
    """A row of cells; formats that have no value yet are left out."""
    known = [(float(place), values[spec]) for place, spec in enumerate(specs) if spec in values]
    bounds = [bounded for _, (_, bounded) in known if bounded is not None]
    sure = len(bounds) == len(known)
    return Series(
        name,
        tuple(place for place, _ in known),
        tuple(value for _, (value, _) in known),
        tuple(one.low for one in bounds) if sure else None,
        tuple(one.high for one in bounds) if sure else None,
        "cells",
        slot,
    )
