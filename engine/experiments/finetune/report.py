"""What a fine-tuning run shows: its figures and what trains in it, from recorded results."""

from collections.abc import Sequence

from engine.experiments.api import Column, Listing
from engine.experiments.finetune.measures import FinetunePoint, Trains
from engine.experiments.shared.charts import score_series
from engine.experiments.shared.measured import baseline_of
from engine.experiments.shared.teaching import taught
from engine.figures.figure import Figure, Mark, Series
from engine.runtime.records import RunRecord
from engine.tasks.metric import Bounded, Metric


def figures(run: RunRecord, points: Sequence[FinetunePoint], best: int | None, metric: Metric) -> list[Figure]:
    """Validation score and training loss against the step, and test score against the learning rate."""
    drawn = [
        _against_step(run, points, metric.validation, f"Validation {metric.name}", metric),
        _against_step(run, points, "loss", "Training loss", metric),
    ]
    rates = {point.params.learning_rate for point in points}
    return [*drawn, _against_rate(points, best, metric)] if len(rates) > 1 and run.finished else drawn


def _against_step(run: RunRecord, points: Sequence[FinetunePoint], key: str, title: str, metric: Metric) -> Figure:
    series = []
    for point in points:
        if curve := run.points[point.index].metrics.get(key):
            steps, values = zip(*curve, strict=True)
            series.append(Series(point.params.name, steps, values, slot=point.index))
    captions = {
        "loss": "One value a step, as trained: each is the mean of one batch.",
        metric.validation: "The weights that validate best are kept.",
    }
    baseline = baseline_of(run, metric)
    if key == metric.validation and baseline is not None and baseline.validation is not None and series:
        ends = (min(one.x[0] for one in series), max(one.x[-1] for one in series))
        series.append(Series("before", ends, (baseline.validation,) * 2, kind="level", slot=-1))
    return Figure(
        key="loss" if key == "loss" else metric.name,
        title=f"{title} against step",
        x_label="Step",
        y_label=title,
        series=tuple(series),
        y_unit=metric.unit if key == metric.validation else "number",
        caption=captions[key],
    )


def _against_rate(points: Sequence[FinetunePoint], best: int | None, metric: Metric) -> Figure:
    curves: dict[str, list[tuple[float, Bounded]]] = {}
    marks = []
    for point in points:
        if point.result is not None:
            params, score = point.params, point.result.measured.score
            curves.setdefault(params.way + taught(params.teacher), []).append((params.learning_rate, score))
            if point.index == best:
                marks.append(Mark(params.learning_rate, score.value, f"best: {params.name}"))
    series = []
    for slot, (label, found) in enumerate(curves.items()):
        ordered = sorted(found, key=lambda pair: pair[0])
        series.append(score_series(label, slot, [score for _, score in ordered], [rate for rate, _ in ordered]))
    return Figure(
        key="rates",
        title=f"Test {metric.name} against learning rate",
        x_label="Peak learning rate",
        y_label=f"Test {metric.name}",
        series=tuple(series),
        x_scale="log",
        y_unit=metric.unit,
        marks=tuple(marks),
        caption="Intervals are 95 %; the best point is chosen on validation data.",
    )


def listings(run: RunRecord, points: Sequence[FinetunePoint]) -> list[Listing]:
    """The parameters that train in each point begun; known before its first step."""
    rows = []
    for point in points:
        if facts := run.notes.get(f"trains_{point.index}"):
            share = facts["trainable"] / facts["parameters"]
            rows.append({"point": point.index, "name": point.params.name, **facts, "share": share})
    told = Trains.columns()
    columns = (
        Column("point", "#", "number"),
        Column("name", "Point"),
        told["trainable"],
        told["parameters"],
        Column("share", "Share", "percent"),
        told["trainable_bytes"],
    )
    caption = "Parameters that take a gradient, and their bytes; an optimiser holds two or three times as much beside."
    return [Listing("trained", "What trains", columns, tuple(rows), caption)] if rows else []
