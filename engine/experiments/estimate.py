"""What points should take, told from like points in past runs. No torch."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from engine.experiments.base import Experiment
from engine.runtime.records import Params, PointRecord, RunRecord


class Estimate(NamedTuple):
    """`seconds` for all, one after the other, and at most `memory` bytes; None where past runs do not tell."""

    seconds: float | None
    memory: float | None


def estimate(
    experiment: Experiment, config: Mapping[str, Any], points: Sequence[Params], history: Iterable[RunRecord]
) -> Estimate:
    """By the medians of like points in past runs; None where there is no such point for one of them.

    Like means: the same in all that decides how long a point takes (`Experiment.pace`).
    """

    def like(settings: Mapping[str, Any], params: Params) -> str:
        return repr([params.get(key, settings.get(key)) for key in experiment.pace])

    past: dict[str, list[PointRecord]] = {}
    for run in history:
        if run.experiment == experiment.name:
            for point in run.finished:
                past.setdefault(like(run.config, point.params), []).append(point)

    def of_each(measure: Callable[[PointRecord], float | None]) -> list[float]:
        """The median for each point, or nothing at all where one is not known."""
        medians = []
        for params in points:
            known = [value for one in past.get(like(config, params), ()) if (value := measure(one)) is not None]
            if not known:
                return []
            medians.append(median(known))
        return medians

    seconds, memory = (
        of_each(lambda point: point.seconds),
        of_each(lambda point: (point.result or {}).get("peak_memory")),
    )
    return Estimate(sum(seconds) if seconds else None, max(memory, default=None))
