"""What methods and preparations gain over rounding to nearest: a heat map by format, and sentences."""

from collections.abc import Mapping, Sequence

from engine.experiments.quantize.measures import QuantizePoint
from engine.experiments.shared.measured import Concluded
from engine.experiments.shared.pairing import apart, gain
from engine.figures.figure import Figure, Series
from engine.tasks.metric import Bounded, Metric

Results = Mapping[tuple[str, str], Concluded]
"""What was measured, by how a point is rounded and trained, and by its format."""
Cell = tuple[float, Bounded | None]
"""A value, and it with its interval where that is known."""
SAME_BYTES = 0.0005
"""Of a size: what is not worth a word."""
MANY = 20
"""Comparisons of which one is expected to differ though nothing does."""


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


def findings(points: Sequence[QuantizePoint], metric: Metric) -> list[str]:
    """For each method and preparation at how many formats it is better or worse than nearest, and where by how much."""
    results = _results(points)
    plain = {point.params.curve: point.params.plain.curve for point in points}
    sentences: list[str] = []
    many = 0
    for mode, other in plain.items():
        pairs = {spec: results[other, spec] for own, spec in results if own == mode and (other, spec) in results}
        if mode == other or not pairs:
            continue
        found = {spec: _compared(results[mode, spec], one, metric) for spec, one in pairs.items()}
        better = sum(sign > 0 for sign, _ in found.values())
        worse = sum(sign < 0 for sign, _ in found.values())
        count = f"{len(found)} format{'' if len(found) == 1 else 's'}"
        sentences.append(f"{mode} against {other}: better at {better}, worse at {worse} of {count}.")
        sentences += [f"{mode} at {spec} against {other}: {said}." for spec, (sign, said) in found.items() if sign]
        many += len(found)
    if many >= MANY:
        sentences.append(f"Of {many} such comparisons at 95 % about {round(0.05 * many)} differ by chance alone.")
    return sentences


def _results(points: Sequence[QuantizePoint]) -> Results:
    return {
        (point.params.curve, point.params.format): point.result.measured for point in points if point.result is not None
    }


def _compared(one: Concluded, other: Concluded, metric: Metric) -> tuple[int, str]:
    """Whether a point is significantly better (1) or worse (−1) than another, and the difference in words."""
    more = one.bytes / other.bytes - 1
    size = ", same bytes" if abs(more) < SAME_BYTES else f", {100 * more:+.1f} % bytes"
    if (paired := gain(one.outcomes, other.outcomes)) is not None:
        lost = metric.lost(paired)
        sign = 1 if lost.high < 0 else -1 if lost.low > 0 else 0
        return sign, f"{metric.change(paired, one.samples)}{size}"
    better = apart(one.score, other.score, metric)
    word = metric.difference(abs(better))
    return (better > 0) - (better < 0), f"{word} {'better' if better > 0 else 'worse'}, beyond both intervals{size}"


def _gained(results: Results, mode: str, plain: str, spec: str) -> Cell | None:
    one, other = results.get((mode, spec)), results.get((plain, spec))
    if one is None or other is None:
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
