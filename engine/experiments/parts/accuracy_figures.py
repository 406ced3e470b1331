"""What figures of accuracy have in common: curves with intervals, the baseline's level, accuracy against bytes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.experiments.parts.selection import front_of
from engine.figures.figure import Figure, Mark, Series
from engine.runtime.records import Params, PointRecord, RunRecord

Curves = Mapping[str, tuple[int, Sequence[PointRecord]]]
"""Finished points by curve, with the curve's slot."""


def accuracy_series(
    name: str, slot: int, points: Sequence[PointRecord], x: Sequence[float], kind: Any = "line", key: str = "accuracy"
) -> Series:
    """Accuracies of points, as recorded under `key`, with their intervals."""
    results = [point.result or {} for point in points]
    y, low, high = (tuple(result[key + end] for result in results) for end in ("", "_low", "_high"))
    return Series(name, tuple(x), y, low, high, kind, slot)


def baseline_level(run: RunRecord, x: Sequence[float]) -> list[Series]:
    """The starting model's accuracy across `x`; nothing before it is measured."""
    baseline = run.notes.get("baseline")
    if not baseline or not x:
        return []
    ends = (min(x), max(x))

    def both(key: str) -> tuple[float, float]:
        return (baseline[key], baseline[key])

    return [Series("baseline", ends, both("accuracy"), both("accuracy_low"), both("accuracy_high"), "level", -1)]


def span(values: Sequence[float]) -> tuple[float, float] | None:
    """The range of an axis that shows all values; None where it would have no length."""
    return (min(values), max(values)) if len(set(values)) > 1 else None


def size_figure(run: RunRecord, curves: Curves, marks: tuple[Mark, ...]) -> Figure:
    """Accuracy against the bytes of the written file, with the Pareto front."""
    series = [
        accuracy_series(name, slot, points, [float((point.result or {})["bytes"]) for point in points], "scatter")
        for name, (slot, points) in curves.items()
    ]
    front = front_of((x, y) for one in series for x, y in zip(one.x, one.y, strict=True))
    if len(front) > 1:
        xs, ys = zip(*front, strict=True)
        series.append(Series("Pareto front", xs, ys, kind="steps", slot=-1))
    baseline = run.notes.get("baseline", {})
    sizes = [x for one in series for x in one.x] + ([float(baseline["bytes"])] if baseline else [])
    return Figure(
        key="size",
        title="Test accuracy against size",
        x_label="Bytes of the weights file",
        y_label="Test accuracy",
        series=(*series, *baseline_level(run, sizes)),
        x_unit="bytes",
        y_unit="percent",
        x_range=span(sizes),
        marks=marks,
        caption="The whole file as written, embeddings included. A point below and right of the front is beaten.",
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
