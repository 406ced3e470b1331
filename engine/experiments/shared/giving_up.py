"""Ending the evaluation of a point once it is certain that the point loses more than a bound against the baseline.

A point is compared with the baseline alone, so that what is given up does not depend on the order of the points or on
how many are computed at once.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from pydantic import Field, ValidationInfo, field_validator

from engine.experiments.shared.config import TaskConfig
from engine.experiments.shared.finding import Finding
from engine.experiments.shared.measured import Concluded
from engine.experiments.shared.scored import TEST, VALIDATION, GivenUp, Scores
from engine.tasks.kinds import metric_of
from engine.tasks.metric import Bounded, Metric

if TYPE_CHECKING:
    from torch import Tensor, nn

    from engine.experiments.shared.workbench import Report, Workbench
    from engine.training.objective import Objective, Score
    from engine.training.samples import Samples

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2)
"""Of the samples that decide: where a point is looked at."""
FEWEST = 32
"""Samples below which nothing is certain."""
WIDENED = 2.0
"""Times the 95 % interval that must lie beyond the bound: about 99.99 %, as a point is looked at several times."""


class GivingUpConfig(TaskConfig):
    """An experiment whose points may be given up."""

    give_up: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        title="Give up",
        description="A point that certainly loses more than this (accuracy as a share, or perplexity) is not evaluated "
        "to the end; empty: every point is.",
    )

    @field_validator("give_up")
    @classmethod
    def _share(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value is not None and value >= 1 and metric_of(info.data).unit == "percent":
            raise ValueError(f"a loss of accuracy is a share below 1, 0.1 for 10 points; {value:g} is not")
        return value


def looks(total: int) -> list[int]:
    """After how many of so many samples a point is looked at."""
    return [count for share in SHARES if (count := int(total * share)) >= FEWEST]


def measure_until(bench: "Workbench", model: "nn.Module", report: "Report", bound: float) -> Scores:
    """What `Workbench.measure` gives, or less where a loss of more than `bound` is certain before the end.

    Validation data decide where there are any, else test data. They are looked at in an order drawn by seed: many data
    sets are sorted by label. Of a point that is given up after n of them as many test samples are evaluated.
    """
    from engine.training.samples import drawn

    validation, test = bench.splits.validation, bench.splits.test
    name, deciding = (TEST, test) if validation is None else (VALIDATION, validation)
    total = len(test) + (0 if validation is None else len(validation))
    objective, seed = bench.task.objective, bench.config.seed
    before = bench.baseline()[1][name]

    def score(samples: "Samples", done_before: int, text: str) -> "Score":
        return bench.score(model, samples, lambda done, *_: report(done_before + done, total, text))

    def is_lost(outcomes: "Tensor", places: "Tensor") -> bool:
        delta = Bounded(*objective.difference(outcomes, before[places], WIDENED))
        return bench.metric.lost(delta).low > bound

    text = "test" if validation is None else "validation"
    decided, places = scored_until(
        deciding, lambda some, done_before: score(some, done_before, text), objective, is_lost, seed
    )
    if validation is None:
        return Scores(None, decided, None if places is None else GivenUp(len(places), len(test), places))
    if places is None:
        return Scores(decided, score(test, len(validation), "test"))
    tested = drawn(len(test), len(places), seed)
    reported = score(test.select(tested), len(places), "test")
    return Scores(decided, reported, GivenUp(len(places), len(validation), tested))


def scored_until(
    samples: "Samples",
    score: "Callable[[Samples, int], Score]",
    objective: "Objective",
    is_lost: "Callable[[Tensor, Tensor], bool]",
    seed: int,
) -> "tuple[Score, Tensor | None]":
    """The score of samples, and which of them it is of (int64 [n], in its order) where it is not of all.

    `score` is given some of them and how many came before. `is_lost` is asked at each look, with the outcomes so far
    and the samples that they are of.
    """
    import torch

    from engine.training.samples import shuffled

    order = shuffled(len(samples), seed)
    outcomes: list[Tensor] = []
    loss, start = 0.0, 0
    for end in looks(len(samples)):
        found = score(samples.select(order[start:end]), start)
        outcomes.append(found.outcomes)
        loss += found.loss * found.n
        if is_lost(so_far := torch.cat(outcomes), order[:end]):
            return objective.score(so_far, loss / end), order[:end]
        start = end
    rest = score(samples.select(order[start:]), start)
    shuffled_outcomes = torch.cat([*outcomes, rest.outcomes])
    in_order = torch.empty_like(shuffled_outcomes)
    in_order[order] = shuffled_outcomes
    return objective.score(in_order, (loss + rest.loss * rest.n) / len(samples)), None


def findings(points: Iterable[Concluded]) -> Iterator[Finding]:
    """`given_up`: `counts` are how many points, of how many; after how many samples at least and at most, of how many.

    Nothing where none was.
    """
    measured = list(points)
    ended = [(one.given_up, one.given_up_of) for one in measured if one.given_up and one.given_up_of]
    if ended:
        after, of = zip(*ended, strict=True)
        yield Finding("given_up", counts=(len(ended), len(measured), min(after), max(after), max(of)))


def sentence(one: Finding, metric: Metric) -> str:
    """That finding in words."""
    count, points, fewest, most, of = one.counts
    after = f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"
    were = "point was" if points == 1 else f"of {points} points {'was' if count == 1 else 'were'}"
    return f"{count} {were} given up, after {after} of {of:,} {metric.samples}."
