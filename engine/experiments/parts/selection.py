"""Which point to take: the Pareto front, and the one-standard-error rule (Breiman et al. 1984)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.experiments.base import Choice


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finished point: its accuracy on the `samples` it is chosen by, and the bytes of its file."""

    index: int
    label: str
    bytes: int
    accuracy: float
    samples: int


def pareto_front(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates that no other beats, smallest first: each larger one is strictly more accurate."""
    front: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: (c.bytes, -c.accuracy, c.index)):
        if not front or candidate.accuracy > front[-1].accuracy:
            front.append(candidate)
    return front


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
