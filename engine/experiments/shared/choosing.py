"""Which point to take: the Pareto front, and the one-standard-error rule (Breiman et al. 1984)."""

import math
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from engine.experiments.api import Choice
from engine.experiments.recorded import Quantity, Recorded
from engine.runtime.attempts import point_folder
from engine.runtime.records import Params, PointRecord, RunRecord
from engine.runtime.references import users
from engine.tasks.kinds import METRICS
from engine.tasks.metric import Metric


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finished point: its score on the `samples` it is chosen by, one standard error of it, the bytes of its file."""

    index: int
    label: str
    bytes: int
    score: float
    samples: int
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged(Recorded):
    """What a choice needs of any experiment's result."""

    bytes: int
    validation: Annotated[float, Quantity("Validation", "score", key="validation_{metric}")]
    validation_samples: int
    validation_error: float | None = None


def candidates(run: RunRecord, name: Callable[[Params], str], metric: Metric) -> list[Candidate]:
    """The finished points of a run that records what `Workbench.conclude` gives, but for those that were given up.

    None where nothing was validated.
    """
    return [
        candidate(point, name(point.params), metric)
        for point in run.finished
        if is_measured(result := point.result or {}) and metric.validation in result and not is_given_up(result)
    ]


def candidate(point: PointRecord, label: str, metric: Metric) -> Candidate:
    """A point that has been scored."""
    found = _Judged.from_record(point.result or {}, metric)
    error = metric.error(found.validation, found.validation_samples, found.validation_error)
    return Candidate(point.index, label, found.bytes, found.validation, found.validation_samples, error)


def is_measured(result: Mapping[str, Any]) -> bool:
    """Whether what a point recorded is a measurement: of a loss that is no number the accuracy means nothing."""
    names = {metric.name for metric in METRICS.values()}
    keys = ("loss", *names, *(f"validation_{name}" for name in names))
    scores = (result.get(key, 0.0) for key in keys)
    return all(isinstance(score, int | float) and math.isfinite(score) for score in scores)


def is_given_up(result: Mapping[str, Any]) -> bool:
    """Whether a point's evaluation was ended before all samples were seen, so that no choice falls on it."""
    return "given_up" in result


def front_of(places: Iterable[tuple[float, float]], metric: Metric) -> list[tuple[float, float]]:
    """The (bytes, score) pairs that no other beats, smallest first: each larger one is strictly better."""
    front: list[tuple[float, float]] = []
    for size, score in sorted(places, key=lambda place: (place[0], -metric.goodness(place[1]))):
        if not front or metric.goodness(score) > metric.goodness(front[-1][1]):
            front.append((size, score))
    return front


def pareto_front(candidates: Sequence[Candidate], metric: Metric) -> list[Candidate]:
    """The candidates on the front; of equals the first counts."""
    at: dict[tuple[float, float], Candidate] = {}
    for one in candidates:
        at.setdefault((one.bytes, one.score), one)
    return [at[place] for place in front_of(at, metric)]


def keep_front(run: RunRecord, candidates: Sequence[Candidate], metric: Metric) -> None:
    """Removes the models that no choice can fall on, now or later.

    Those are the ones off the front, and of points that were given up, where no other run builds on them.
    """
    kept = {candidate.index for candidate in pareto_front(candidates, metric)}
    needed = kept.union(*users(run.path).values())
    given_up = {point.index for point in run.finished if is_given_up(point.result or {})}
    for index in {candidate.index for candidate in candidates} | given_up:
        if index not in needed:
            shutil.rmtree(point_folder(run.path, index), ignore_errors=True)


def choose(candidates: Sequence[Candidate], metric: Metric) -> Choice | None:
    """The smallest candidate whose score is within one standard error of the best; None of none.

    The standard error is that of the best score: of an accuracy that of a proportion, of a perplexity that of the mean
    loss of its windows. The chosen one is always on the Pareto front, so only the front's files need be kept.
    """
    front = pareto_front(candidates, metric)
    if not front:
        return None
    top = front[-1]

    def is_within(one: Candidate) -> bool:
        return metric.scale(one.score) >= metric.scale(top.score) - top.error

    within = [one for one in candidates if is_within(one)]
    best = next(one for one in front if is_within(one))
    spread = f"within one standard error ({metric.spread(top.error)}, n={top.samples:,})"
    score = f"validation {metric.name}, {metric.written(top.score)}"
    if best is not top:
        own = f"its own is {metric.written(best.score)}"
        reason = f"the smallest of {len(within)} {spread} of the {metric.best} {score} by {top.label}; {own}"
    elif len(within) > 1:
        reason = f"the {metric.best} {score}, and no smaller point is {spread}"
    else:
        reason = f"the {metric.best} {score}, and no other point is {spread}"
    return Choice(best.index, f"{best.label}: {reason}")
