"""What methods and preparations gain over rounding to nearest: a heat map by format, and sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.experiments.quantize.naming import mode_of, plain_of
from engine.experiments.shared.pairing import apart, gain
from engine.figures.figure import Figure, Series
from engine.runtime.records import PointRecord, RunRecord
from engine.tasks.metric import Metric

Key = tuple[str, str]
"""How a point is rounded and trained, and its format."""
Bounded = tuple[float, float | None, float | None]
"""A value and its interval, where that is known."""
SAME_BYTES = 0.0005
"""Of a size: what is not worth a word."""
MANY = 20
"""Comparisons of which one is expected to differ though nothing does."""


def figures(run: RunRecord, metric: Metric) -> list[Figure]:
    """The score by format and method, and its difference from plain rounding; none where nothing else is swept."""
    points = {(mode_of(point.params), str(point.params["format"])): point for point in run.finished}
    modes = list(dict.fromkeys(mode_of(point.params) for point in run.points))
    plain = {mode_of(point.params): mode_of(plain_of(point.params)) for point in run.points}
    if all(mode == other for mode, other in plain.items()) or not points:
        return []
    specs = tuple(dict.fromkeys(str(point.params["format"]) for point in run.points))
    score, gained = [], []
    for slot, mode in enumerate(modes):
        score.append(_row(mode, slot, specs, {spec: _bounded(points.get((mode, spec)), metric) for spec in specs}))
        if mode != plain[mode]:
            against = {spec: _gained(points, (mode, spec), plain[mode], metric) for spec in specs}
            gained.append(_row(mode, slot, specs, against))
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


def findings(points: Sequence[PointRecord], metric: Metric) -> list[str]:
    """For each method and preparation at how many formats it is better or worse than nearest, and where by how much."""
    results = {(mode_of(point.params), str(point.params["format"])): point for point in points}
    plain = {mode_of(point.params): mode_of(plain_of(point.params)) for point in points}
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


def _compared(point: PointRecord, other: PointRecord, metric: Metric) -> tuple[int, str]:
    """Whether a point is significantly better (1) or worse (−1) than another, and the difference in words."""
    result, before = point.result or {}, other.result or {}
    size = _size(result, before)
    if (paired := gain(result, before)) is not None:
        least, _, most = metric.lost(paired)
        return (1 if most < 0 else -1 if least > 0 else 0), f"{metric.change(paired)}{size}"
    better = apart(result, before, metric)
    word = metric.difference(abs(better))
    return (better > 0) - (better < 0), f"{word} {'better' if better > 0 else 'worse'}, beyond both intervals{size}"


def _size(result: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    if not result.get("bytes") or not before.get("bytes"):
        return ""
    more = result["bytes"] / before["bytes"] - 1
    return ", same bytes" if abs(more) < SAME_BYTES else f", {100 * more:+.1f} % bytes"


def _bounded(point: PointRecord | None, metric: Metric) -> Bounded | None:
    result = (point.result if point else None) or {}
    value, low, high = metric.bounded()
    return (result[value], result[low], result[high]) if {value, low, high} <= result.keys() else None


def _gained(points: Mapping[Key, PointRecord], key: Key, plain: str, metric: Metric) -> Bounded | None:
    one, other = points.get(key), points.get((plain, key[1]))
    if one is None or other is None:
        return None
    result, before = one.result or {}, other.result or {}
    if (paired := gain(result, before)) is not None:
        return paired["delta"], paired["delta_low"], paired["delta_high"]
    return result[metric.name] - before[metric.name], None, None


def _row(name: str, slot: int, specs: Sequence[str], values: Mapping[str, Bounded | None]) -> Series:
    """A row of cells; formats that have no value yet are left out."""
    known = [(float(place), one) for place, spec in enumerate(specs) if (one := values[spec]) is not None]
    bounds = [(low, high) for _, (_, low, high) in known if low is not None and high is not None]
    sure = len(bounds) == len(known)
    return Series(
        name,
        tuple(place for place, _ in known),
        tuple(value for _, (value, _, _) in known),
        tuple(low for low, _ in bounds) if sure else None,
        tuple(high for _, high in bounds) if sure else None,
        "cells",
        slot,
    )
