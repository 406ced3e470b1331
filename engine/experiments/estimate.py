"""What points should take, told from like points in past runs, and the rest of a run from its own. No torch."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from engine.experiments import registry
from engine.experiments.api import AnyExperiment
from engine.runtime.records import Params, Phase, PointRecord, RunRecord


class Estimate(NamedTuple):
    """`seconds` for all, one after the other, and at most `memory` bytes; None where past runs do not tell."""

    seconds: float | None
    memory: float | None


def estimate(
    experiment: AnyExperiment, config: Mapping[str, Any], points: Sequence[Params], history: Iterable[RunRecord]
) -> Estimate:
    """By the medians of like points in past runs; None where there is no such point for one of them.

    Like means: the same in all that decides how long a point takes (`Experiment.pace`).
    """
    past: dict[str, list[PointRecord]] = {}
    for run in history:
        if run.experiment == registry.key_of(experiment):
            for point in run.finished:
                past.setdefault(_kind(experiment, run.config, point.params), []).append(point)

    def of_each(measure: Callable[[PointRecord], float | None]) -> list[float]:
        """The median for each point, or nothing at all where one is not known."""
        medians = []
        for params in points:
            known = [
                value for one in past.get(_kind(experiment, config, params), ()) if (value := measure(one)) is not None
            ]
            if not known:
                return []
            medians.append(median(known))
        return medians

    seconds, memory = (
        of_each(lambda point: point.seconds),
        of_each(lambda point: (point.result or {}).get("peak_memory")),
    )
    return Estimate(sum(seconds) if seconds else None, max(memory, default=None))


def ends(experiment: AnyExperiment, run: RunRecord) -> float | None:
    """When a running run should be done (Unix seconds); None while its points do not tell.

    A point takes as long as like points of the run have, without those that began before any had ended: they also made
    what the others share (model, tokens, baseline), or waited for it. Before there are any, training
    tells at what pace it goes on.
    """
    running = [point for point in run.running if point.started is not None]
    if run.state != "running" or not running:
        return None
    shared = min((point.ended for point in run.finished if point.ended is not None), default=0.0)
    past: dict[str, list[float]] = {}
    for point in run.finished:
        if point.seconds is not None and (point.started or 0.0) >= shared:
            past.setdefault(_kind(experiment, run.config, point.params), []).append(point.seconds)
    typical = {kind: median(seconds) for kind, seconds in past.items()}
    moments: list[float] = []
    for point in running:
        kind, progress = _kind(experiment, run.config, point.params), point.progress
        phase = progress.phase_seconds if progress is not None and progress.phase == Phase.TRAINING else None
        if progress is not None and phase is not None:
            moments.append(progress.at + phase * (1 - progress.fraction))
            typical.setdefault(kind, phase)
        elif kind in typical:
            moments.append((point.started or 0.0) + typical[kind])
        else:
            return None
    waiting = [_kind(experiment, run.config, point.params) for point in run.points if point.state == "queued"]
    if not typical.keys() >= set(waiting):
        return None
    return (sum(moments) + sum(typical[kind] for kind in waiting)) / len(running)


def _kind(experiment: AnyExperiment, settings: Mapping[str, Any], params: Params) -> str:
    """What decides how long a point takes; a setting that a run was recorded without had its default."""
    fields = experiment.Config.settings()
    usual = {key: fields[key].default for key in experiment.pace if key in fields}
    values = [params.get(key, settings.get(key, usual.get(key))) for key in experiment.pace]
    return repr([list(value) if isinstance(value, tuple) else value for value in values])
