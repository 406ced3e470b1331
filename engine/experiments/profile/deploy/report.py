"""Figures and tables of engines side by side, from the records alone."""

from collections.abc import Sequence
from dataclasses import replace

from engine.experiments.api import Column, Listing
from engine.experiments.profile.charts import bars
from engine.experiments.profile.deploy.measures import DeployParams, DeployResult
from engine.experiments.profile.study import Named
from engine.experiments.shared.choosing import front_of
from engine.figures.figure import Figure, Series
from engine.tasks.kinds import metric_of
from engine.tasks.metric import Bounded, Metric

Done = Named[DeployParams, DeployResult]


def figures(done: Sequence[Done]) -> Sequence[Figure]:
    """The score against the latency, then the time of a call on each engine."""
    if not done:
        return ()
    caption = "Medians after warm-up, each in turns with eager torch; the whiskers are quartiles."
    names, heights = [one.name for one in done], [one.result.time for one in done]
    drawn = [
        bars("calls", "A call on each engine", names, {"call": heights}, y_label="Time of a call", caption=caption)
    ]
    metric = _metric(done)
    return [_against_latency(done, metric), *drawn] if metric else drawn


def _metric(done: Sequence[Done]) -> Metric | None:
    """What the engines were scored by; None where they were not."""
    task = next((one.result.task for one in done if one.result.tested), None)
    return None if task is None else metric_of({"task": task})


def _against_latency(done: Sequence[Done], metric: Metric) -> Figure:
    marks: dict[str, list[tuple[float, Bounded]]] = {}
    for one in done:
        if one.result.tested:
            latency = one.result.time.value / one.params.batch
            marks.setdefault(one.params.engine, []).append((latency, one.result.tested.score))
    series = []
    for slot, (engine, mine) in enumerate(marks.items()):
        x, y, low, high = zip(*((latency, *score) for latency, score in mine), strict=True)
        series.append(Series(engine, x, y, low, high, "scatter", slot))
    front = front_of(((x, y) for one in series for x, y in zip(one.x, one.y, strict=True)), metric)
    if len(front) > 1:
        xs, ys = zip(*front, strict=True)
        series.append(Series("Pareto front", xs, ys, kind="steps", slot=-1))
    return Figure(
        key="deploy",
        title=f"Test {metric.name} against latency",
        x_label="Time a sample",
        y_label=f"Test {metric.name}",
        series=tuple(series),
        x_unit="seconds",
        y_unit=metric.unit,
        x_scale="log",
        caption=f"One mark for each batch and length. A point {'below' if metric.better == 'higher' else 'above'} and "
        "right of the front is beaten.",
    )


def listings(done: Sequence[Done]) -> Sequence[Listing]:
    """Every number of every engine."""
    if not done:
        return ()
    metric = _metric(done)
    known = DeployResult.columns(metric) if metric else DeployResult.columns()
    columns = (
        Column("name", "Point"),
        known["load"],
        known["first_call"],
        replace(known["time"], label="Call"),
        Column("time_low", "from", "seconds"),
        Column("time_high", "to", "seconds"),
        *(known[name] for name in ("samples_per_second", "speedup")),
        *([known["energy"]] if any(one.result.energy is not None for one in done) else ()),
        *(known[name] for name in ("bytes", "peak_memory", "difference")),
        known["score"],
        known["delta"],
    )
    rows = tuple(
        {**(one.result.to_record(metric) if metric else one.result.to_record()), "name": one.name} for one in done
    )
    told = "Build: from the model in memory to a loaded engine. Memory: of the process, building included."
    if why := done[-1].result.energy_why:
        told += f" Energy: {why}."
    return [Listing("engines", "Engines", columns, rows, told)]
