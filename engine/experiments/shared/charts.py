"""What figures of scores have in common: curves with intervals, the baseline's level, the score against bytes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.experiments.shared.choosing import front_of
from engine.figures.figure import Figure, Mark, Series
from engine.runtime.records import Params, PointRecord, RunRecord
from engine.tasks.metric import Metric

Curves = Mapping[str, tuple[int, Sequence[PointRecord]]]
"""Finished points by curve, with the curve's slot."""


def score_series(
    name: str,
    slot: int,
    points: Sequence[PointRecord],
    x: Sequence[float],
    metric: Metric,
    kind: Any = "line",
    prefix: str = "",
) -> Series:
    """Scores of points, as recorded under names with a prefix, with their intervals."""
    results = [point.result or {} for point in points]
    y, low, high = (tuple(result[key] for result in results) for key in metric.bounded(prefix))
    return Series(name, tuple(x), y, low, high, kind, slot)


def baseline_level(run: RunRecord, x: Sequence[float], metric: Metric) -> list[Series]:
    """The starting model's score across `x`; nothing before it is measured."""
    baseline = run.notes.get("baseline")
    if not baseline or not x:
        return []
    ends = (min(x), max(x))

    def both(key: str) -> tuple[float, float]:
        return (baseline[key], baseline[key])

    value, low, high = map(both, metric.bounded())
    return [Series("baseline", ends, value, low, high, "level", -1)]


def span(values: Sequence[float]) -> tuple[float, float] | None:
    """The range of an axis that shows all values; None where it would have no length."""
    return (min(values), max(values)) if len(set(values)) > 1 else None


def size_figure(run: RunRecord, curves: Curves, marks: tuple[Mark, ...], metric: Metric) -> Figure:
    """The score against the bytes of the written file, with the Pareto front."""
    series = [
        score_series(name, slot, points, [float((point.result or {})["bytes"]) for point in points], metric, "scatter")
        for name, (slot, points) in curves.items()
    ]
    front = front_of(((x, y) for one in series for x, y in zip(one.x, one.y, strict=True)), metric)
    if len(front) > 1:
        xs, ys = zip(*front, strict=True)
        series.append(Series("Pareto front", xs, ys, kind="steps", slot=-1))
    baseline = run.notes.get("baseline", {})
    sizes = [x for one in series for x in one.x] + ([float(baseline["bytes"])] if baseline else [])
    return Figure(
        key="size",
        title=f"Test {metric.name} against size",
        x_label="Bytes of the weights file",
        y_label=f"Test {metric.name}",
        series=(*series, *baseline_level(run, sizes, metric)),
        x_unit="bytes",
        y_unit=metric.unit,
        x_range=span(sizes),
        marks=marks,
        caption="The whole file as written, embeddings included. "
        f"A point {'below' if metric.better == 'higher' else 'above'} and right of the front is beaten.",
    )


def loss_figure(run: RunRecord, name: Callable[[Params], str]) -> Figure:
    """The loss of each step of what was trained."""
    series: list[Series] = []
    for point in run.points:
        if losses := point.metrics.get("loss"):
            steps, values = zip(*losses, strict=True)
            series.append(Series(name(point.params), steps, values, kind="line", slot=len(series)))
    return Figure(
        key="loss",
        title="Training loss",
        x_label="Step",
        y_label="Loss",
        series=tuple(series),
        caption="One value a step, as trained: each is the mean of one batch.",
    )
