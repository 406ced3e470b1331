"""Published values beside a run's own, where it was started from a recipe that has them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.experiments.api import Column, Listing
from engine.figures.figure import Figure, Mark, Series
from engine.runtime.records import RunRecord
from engine.tasks.kinds import metric_of
from engine.tasks.metric import Metric

SIZE = "size"


@dataclass(frozen=True, slots=True)
class Beside:
    """A published value, and what the run measured there: a point's result, or the baseline; None before it is."""

    label: str
    value: float
    tolerance: float
    is_baseline: bool
    ours: Mapping[str, Any] | None

    def difference(self, metric: Metric) -> float | None:
        """The run's value over the published one, less 1."""
        return None if self.ours is None else float(self.ours[metric.name]) / self.value - 1

    def within(self, metric: Metric) -> bool | None:
        """Whether the run's value is as near as the recipe says it should be."""
        difference = self.difference(metric)
        return None if difference is None else abs(difference) <= self.tolerance


def beside(run: RunRecord) -> list[Beside]:
    """Every published value of the run's recipe."""
    return list(_beside(run))


def _beside(run: RunRecord) -> Iterator[Beside]:
    for one in run.recipe.get("published", ()):
        match = one["match"]
        if match is None:
            ours = run.notes.get("baseline")
        else:
            fits = (point for point in run.finished if _fits(point.params, match))
            ours = next((point.result for point in fits), None)
        yield Beside(one["label"], float(one["value"]), float(one["tolerance"]), match is None, ours)


def _fits(params: Mapping[str, Any], match: Mapping[str, Any]) -> bool:
    return all(params.get(key) == value for key, value in match.items())


def listings(run: RunRecord) -> list[Listing]:
    """The published values beside the run's."""
    found, metric = beside(run), metric_of(run.config)
    if not found:
        return []
    value, low, high = metric.bounded()
    said = {True: "yes", False: "no", None: ""}
    rows = tuple(
        {
            "label": one.label,
            "published": one.value,
            **{key: (one.ours or {}).get(key) for key in (value, low, high)},
            "difference": one.difference(metric),
            "tolerance": one.tolerance,
            "within": said[one.within(metric)],
        }
        for one in found
    )
    columns = (
        Column("label", "What"),
        Column("published", "Published", metric.unit),
        Column(value, "Here", metric.unit, low, high),
        Column("difference", "Difference", "percent", signed=True),
        Column("tolerance", "Tolerance", "percent"),
        Column("within", "Within"),
    )
    source, protocol = run.recipe.get("source", ""), run.recipe.get("protocol", "")
    caption = f"{source}. {protocol} Differences and tolerances are shares of the published value."
    return [Listing("published", "Published values", columns, rows, caption)]


def findings(run: RunRecord) -> list[str]:
    """How many published values the run reproduces, and which it does not."""
    metric = metric_of(run.config)
    judged = [(one, one.within(metric)) for one in beside(run) if one.ours is not None]
    if not judged:
        return []
    right = sum(bool(within) for _, within in judged)
    sentences = [f"{right} of {len(judged)} published values are met within their tolerance ({run.recipe['source']})."]
    for one, within in judged:
        if not within and one.ours is not None:
            here, there = metric.written(float(one.ours[metric.name])), metric.written(one.value)
            sentences.append(f"{one.label}: {here} here, {there} published, beyond the {100 * one.tolerance:g} %.")
    return sentences


def marked(run: RunRecord, figures: Sequence[Figure]) -> list[Figure]:
    """The figures of scores with a mark at each published value, above or below the point that it belongs to."""
    found, metric = beside(run), metric_of(run.config)
    if not found:
        return list(figures)
    shown = {metric.name, SIZE}
    return [
        replace(one, marks=(*one.marks, *_marks(one, found, metric))) if one.key in shown else one for one in figures
    ]


def _marks(figure: Figure, found: Sequence[Beside], metric: Metric) -> Iterator[Mark]:
    for one in found:
        if one.ours is None:
            continue
        place = _place(figure.series, float(one.ours[metric.name]), one.is_baseline)
        if place is not None:
            yield Mark(place, one.value, f"published: {one.label}")


def _place(series: Sequence[Series], value: float, is_baseline: bool) -> float | None:
    """Where along the axis a value is drawn."""
    places = (
        x
        for one in series
        if (one.kind == "level") == is_baseline
        for x, y in zip(one.x, one.y, strict=True)
        if y == value
    )
    return next(places, None)
