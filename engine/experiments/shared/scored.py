"""What a model scored on the sets of a run, before it is recorded."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.experiments.shared.measured import Measured, Tested
from engine.tasks.metric import Bounded

if TYPE_CHECKING:
    from torch import Tensor

    from engine.training.objective import Score

VALIDATION, TEST = "validation", "correct"
"""What outcomes are kept under."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Where an evaluation was ended: after `n` of the `of` samples that decide.

    `tested` (int64 [min(n, size of the test set)]) are the test samples that the score is of.
    """

    n: int
    of: int
    tested: "Tensor"


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores on validation data (to choose by; None without any) and on test data (to report).

    `given_up` is there where they are of a part of the samples.
    """

    validation: "Score | None"
    test: "Score"
    given_up: GivenUp | None = None

    @property
    def outcomes(self) -> "dict[str, Tensor]":
        """What each sample came to, by set."""
        validated = {} if self.validation is None else {VALIDATION: self.validation.outcomes}
        return {TEST: self.test.outcomes, **validated}

    @property
    def measured(self) -> Measured:
        """The same as results hold it."""
        chosen_by = self.validation
        return tested_of(self.test).extended(
            Measured,
            validation=chosen_by and chosen_by.value,
            validation_samples=chosen_by and chosen_by.n,
            validation_error=chosen_by and chosen_by.error,
        )


def tested_of(score: "Score") -> Tested:
    """A score on test data as results hold it."""
    return Tested(score=Bounded(score.value, score.low, score.high), loss=score.loss, samples=score.n)
