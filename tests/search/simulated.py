"""A run of a search without processes: points are asked for in order, an objective stands in for the work."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.runtime.records import PointRecord, RunRecord
from engine.search.series import Series
from engine.search.studies import Studies, placeholders

Objective = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def empty_run(series: Sequence[Series], trials: int, devices: int = 1) -> RunRecord:
    points = tuple(PointRecord(index, params) for index, params in enumerate(placeholders(series, trials)))
    names = tuple(f"gpu-{number}" for number in range(devices))
    return RunRecord("s-0001", "s", "search", "running", {}, Path("none"), 0.0, devices=names, points=points)


def changed(run: RunRecord, index: int, **values: Any) -> RunRecord:
    points = list(run.points)
    points[index] = replace(points[index], **values)
    return replace(run, points=tuple(points))


def searched(
    series: Sequence[Series],
    trials: int,
    objective: Objective,
    *,
    resumed_every: int = 0,
    devices: int = 1,
    run: RunRecord | None = None,
) -> RunRecord:
    """The run when all is done. The study is thrown away and made anew after every `resumed_every` trials."""
    run = run or empty_run(series, trials, devices)
    studies = Studies(lambda: series, lambda _: None)
    started: list[int] = []
    asked = 0
    while any(point.state == "queued" for point in run.points):
        for point in run.points:
            if len(started) == devices:
                break
            if point.state == "queued" and (params := studies.ask(point.index, run)) is not None:
                run = changed(run, point.index, params=params, state="running")
                started.append(point.index)
                asked += 1
                if resumed_every and asked % resumed_every == 0:
                    studies = Studies(lambda: series, lambda _: None)
        ended = started.pop(0)
        run = changed(run, ended, state="finished", result=dict(objective(run.points[ended].params)))
    return run
