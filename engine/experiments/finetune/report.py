"""What a fine-tuning run shows: its figures and what trains in it, from recorded results."""

from collections.abc import Sequence
from typing import Any

from engine.experiments.api import Column, Listing
from engine.experiments.shared.teaching import taught
from engine.figures.figure import Figure, Mark, Series
from engine.runtime.records import Params, RunRecord
from engine.tasks.metric import Metric


def name(params: Params) -> str:
    """`full 1e-4`, `lora r8 1e-4`, `full 1e-4 teacher start`."""
    rank = f" r{params['rank']}" if "rank" in params else ""
    return f"{params['method']}{rank} {params['learning_rate']:g}{taught(params)}"


def figures(run: RunRecord, best: int | None, metric: Metric) -> list[Figure]:
    """Validation score and training loss against the step, and test score against the learning rate."""
    drawn = [
        _against_step(run, metric.validation, f"Validation {metric.name}", metric),
        _against_step(run, "loss", "Training loss", metric),
    ]
    rates = {point.params["learning_rate"] for point in run.points}
    return [*drawn, _against_rate(run, best, metric)] if len(rates) > 1 and run.finished else drawn


def _against_step(run: RunRecord, key: str, title: str, metric: Metric) -> Figure:
    series = []
    for point in run.points:
        if curve := point.metrics.get(key):
            steps, values = zip(*curve, strict=True)
            series.append(Series(name(point.params), steps, values, slot=point.index))
    captions = {
        "loss": "One value a step, as trained: each is the mean of one batch.",
        metric.validation: "The weights that validate best are kept.",
    }
    baseline = run.notes.get("baseline")
    if key == metric.validation and baseline and series:
        ends = (min(one.x[0] for one in series), max(one.x[-1] for one in series))
        series.append(Series("before", ends, (baseline[key],) * 2, kind="level", slot=-1))
    return Figure(
        key="loss" if key == "loss" else metric.name,
        title=f"{title} against step",
        x_label="Step",
        y_label=title,
        series=tuple(series),
        y_unit=metric.unit if key == metric.validation else "number",
        caption=captions[key],
    )


def _against_rate(run: RunRecord, best: int | None, metric: Metric) -> Figure:
    curves: dict[str, list[tuple[float, Any]]] = {}
    for point in run.finished:
        rank = f" r{point.params['rank']}" if "rank" in point.params else ""
        curves.setdefault(point.params["method"] + rank + taught(point.params), []).append(
            (point.params["learning_rate"], point.result)
        )
    series = []
    value, low, high = metric.bounded()
    for slot, (label, found) in enumerate(curves.items()):
        ordered = sorted(found, key=lambda pair: pair[0])

        def values(key: str, ordered: Sequence[tuple[float, Any]] = ordered) -> tuple[float, ...]:
            return tuple(result[key] for _, result in ordered)

        rates = tuple(rate for rate, _ in ordered)
        series.append(Series(label, rates, values(value), values(low), values(high), slot=slot))
    marks = [
        Mark(point.params["learning_rate"], (point.result or {})[metric.name], f"best: {name(point.params)}")
        for point in run.finished
        if point.index == best
    ]
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


def listings(run: RunRecord) -> list[Listing]:
    """The parameters that train in each point begun; known before its first step."""
    rows = []
    for point in run.points:
        if facts := run.notes.get(f"trains_{point.index}"):
            share = facts["trainable"] / facts["parameters"]
            rows.append({"point": point.index, "name": name(point.params), **facts, "share": share})
    columns = (
        Column("point", "#", "number"),
        Column("name", "Point"),
        Column("trainable", "Trained", "number"),
        Column("parameters", "Of", "number"),
        Column("share", "Share", "percent"),
        Column("trainable_bytes", "Bytes", "bytes"),
    )
    caption = "Parameters that take a gradient, and their bytes; an optimiser holds two or three times as much beside."
    return [Listing("trained", "What trains", columns, tuple(rows), caption)] if rows else []
