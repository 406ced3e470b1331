"""Which point to take: the Pareto front, and the one-standard-error rule (Breiman et al. 1984)."""

import math
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from engine.experiments.base import Choice
from engine.runtime.chain import users
from engine.runtime.records import Params, RunRecord


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finished point: its accuracy on the `samples` it is chosen by, and the bytes of its file."""

    index: int
    label: str
    bytes: int
    accuracy: float
    samples: int


def candidates(run: RunRecord, name: Callable[[Params], str]) -> list[Candidate]:
    """The finished points of a run that records what `Workbench.conclude` gives."""
    return [
        Candidate(
            point.index,
            name(point.params),
            result["bytes"],
            result["validation_accuracy"],
            result["validation_samples"],
        )
        for point in run.finished
        if (result := point.result)
    ]


def front_of(places: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The (bytes, accuracy) pairs that no other beats, smallest first: each larger one is strictly more accurate."""
    front: list[tuple[float, float]] = []
    for size, accuracy in sorted(places, key=lambda place: (place[0], -place[1])):
        if not front or accuracy > front[-1][1]:
            front.append((size, accuracy))
    return front


def pareto_front(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates on the front; of equals the first counts."""
    at: dict[tuple[float, float], Candidate] = {}
    for candidate in candidates:
        at.setdefault((candidate.bytes, candidate.accuracy), candidate)
    return [at[place] for place in front_of(at)]


def keep_front(run: RunRecord, candidates: Sequence[Candidate]) -> None:
    """Removes the models that no choice can fall on, now or later: those off the front that no other run builds on."""
    kept = {candidate.index for candidate in pareto_front(candidates)}
    needed = kept.union(*users(run.path).values())
    for candidate in candidates:
        if candidate.index not in needed:
            shutil.rmtree(run.path / "artifacts" / "points" / str(candidate.index), ignore_errors=True)


def choose(candidates: Sequence[Candidate]) -> Choice | None:
    """The smallest candidate whose accuracy is within one standard error of the highest; None of none.

    The standard error is the binomial one of the highest accuracy, sqrt(p(1-p)/n). The chosen one is always on the
    Pareto front, so only the front's files need be kept.
    """
    front = pareto_front(candidates)
    if not front:
        return None
    highest = front[-1]
    error = math.sqrt(highest.accuracy * (1 - highest.accuracy) / highest.samples)
    within = [candidate for candidate in candidates if candidate.accuracy >= highest.accuracy - error]
    best = next(candidate for candidate in front if candidate.accuracy >= highest.accuracy - error)
    spread = f"within one standard error ({100 * error:.2f} points, n={highest.samples:,})"
    accuracy = f"validation accuracy, {100 * highest.accuracy:.2f} %"
    if best is not highest:
        own = f"its own is {100 * best.accuracy:.2f} %"
        reason = f"the smallest of {len(within)} {spread} of the highest {accuracy} by {highest.label}; {own}"
    elif len(within) > 1:
        reason = f"the highest {accuracy}, and no smaller point is {spread}"
    else:
        reason = f"the highest {accuracy}, and no other point is {spread}"
    return Choice(best.index, f"{best.label}: {reason}")
