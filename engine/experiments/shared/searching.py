"""What searches share: settings, one study for each curve, the choice of a trial, and its one look at the test set."""

import shutil
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import Field, ValidationInfo, field_validator

from engine.errors import InputError
from engine.experiments.api import Choice, Experiment
from engine.experiments.recorded import ResultT
from engine.experiments.shared import trials_report as reading
from engine.experiments.shared.choosing import keep_front
from engine.experiments.shared.config import TaskConfig
from engine.experiments.shared.scored import tested_of
from engine.experiments.shared.trials import Sought, TrialParams, TrialResult
from engine.experiments.shared.workbench import Report, Workbench
from engine.models.own_source import python_of
from engine.runtime.context import Context, Point
from engine.runtime.records import RunRecord
from engine.runtime.references import MODEL
from engine.search.constraints import Constraint, parse_constraints
from engine.search.keys import CHOSEN
from engine.search.series import Goal, Series
from engine.search.studies import TEST_POINT, Studies, placeholders
from engine.tasks.kinds import metric_of
from engine.tasks.metric import Bounded, Metric

if TYPE_CHECKING:
    from torch import nn

    from engine.tasks.base import Subject


class SearchSettings(TaskConfig):
    """How long to search, and for what.

    `MEASURED` are the quantities that a constraint may name beside the score. `against` is a key of the results that
    the score is weighed against; what there is to choose from subclasses say.
    """

    MEASURED: ClassVar[tuple[str, ...]] = ("bytes", "lost")

    trials: int = Field(24, ge=1, le=100_000, title="Trials", description="Of each curve, with each seed.")
    seeds: int = Field(
        1, ge=1, le=100, title="Seeds", description="Each curve is searched so often; a band shows them."
    )
    against: str = Field("none", title="Against")
    constraints: str = Field(
        "",
        title="Constraints",
        description="What a trial must keep to: bytes<=2MB, lost<=1 (points of accuracy, or of perplexity).",
    )

    @field_validator("constraints")
    @classmethod
    def _constraints(cls, value: str, info: ValidationInfo) -> str:
        cls._parsed(value, metric_of(info.data))
        return value.strip()

    @classmethod
    def _parsed(cls, text: str, metric: Metric) -> tuple[Constraint, ...]:
        return parse_constraints(text, (*cls.MEASURED, metric.name), in_points=metric.unit == "percent")

    @property
    def side_by_side(self) -> int:
        """A quarter of a curve's trials, or two: what runs beside a trial is not known when it is proposed."""
        return max(2, self.trials // 4)

    @property
    def limits(self) -> tuple[Constraint, ...]:
        """The constraints, read."""
        return self._parsed(self.constraints, self.metric)

    @property
    def needs_validation(self) -> str:
        """Trials are judged by validation data."""
        return "a search"

    @property
    def sought(self) -> Sought:
        """What trials are chosen by."""
        return Sought(self.limits, self.metric)

    @property
    def goals(self) -> tuple[Goal, ...]:
        """The validation score, and what it is weighed against."""
        other = () if self.against == "none" else (Goal(self.against, maximize=False),)
        return (Goal(self.metric.validation, maximize=self.metric.better == "higher"), *other)


SearchT = TypeVar("SearchT", bound=SearchSettings)


class Searching(Experiment[SearchT, TrialParams, ResultT]):
    """A search: subclasses say what its series are, and build the model of a trial."""

    Params = TrialParams

    builds_on = (CHOSEN,)

    @abstractmethod
    def series(self, config: SearchT) -> list[Series]:
        """A series for each curve and seed."""

    @abstractmethod
    def trial(self, config: SearchT, point: Point, bench: Workbench, report: Report) -> None:
        """Computes one trial and finishes or prunes it."""

    def points(self, config: SearchT) -> Sequence[Mapping[str, Any]]:
        """What stands for the trials, and last the chosen one's look at the test set."""
        return [*placeholders(self.series(config), config.trials), dict(TEST_POINT)]

    def study(self, config: SearchT) -> Studies:
        """Optuna behind the runtime's questions."""

        def choose(run: RunRecord) -> int | None:
            choice = reading.chosen(config.sought, run)
            return None if choice is None else choice.index

        return Studies(lambda: self.series(config), choose)

    def run(self, config: SearchT, points: Sequence[Point], context: Context) -> None:
        """One trial after the other; the last point measures the chosen one on the test set."""
        import torch

        for point in points:

            def report(done: float, total: float, text: str, index: int = point.index) -> None:
                context.progress(index, done, total, text)

            torch.manual_seed(config.seed)
            bench = Workbench(config, context, report)
            if CHOSEN in point.params:
                _test(point, bench, report)
            else:
                self.trial(config, point, bench, report)

    def best(self, config: SearchT, run: RunRecord) -> Choice | None:
        """The smallest trial within one standard error of the best validation score that keeps the constraints.

        It is shown as the point that measured it on the test set, once that is done.
        """
        choice = reading.chosen(config.sought, run)
        if choice is None:
            return None
        tests = [point.index for point in run.finished if point.params.get(CHOSEN) == choice.index]
        return Choice(tests[-1], choice.reason) if tests else choice

    def tidy(self, config: SearchT, run: RunRecord) -> None:
        """Keeps the models on the front, and works out now and then which parameters matter."""
        keep_front(run, reading.candidates(config.sought, run), config.metric)
        reading.note_importances(lambda: self.series(config), run)


def validated(bench: Workbench, model: "nn.Module", report: Report) -> TrialResult:
    """The validation score with its 95 % interval, to choose by; the test set is not looked at."""
    metric = bench.metric
    found = bench.score(model, bench.validation, lambda done, total, _: report(done, total, "validation"))
    baseline, _ = bench.baseline()
    return TrialResult(
        validation=Bounded(found.value, found.low, found.high),
        validation_samples=found.n,
        validation_error=found.error,
        lost=metric.goodness(baseline.validation or 0.0) - metric.goodness(found.value),
    )


def kept(
    bench: Workbench, subject: "Subject", point: Point, result: dict[str, Any], limits: Sequence[Constraint]
) -> dict[str, Any]:
    """The result with the bytes of the file as written; the model stays where the trial keeps the constraints."""
    from engine.search.constraints import feasible
    from engine.store import save

    folder = bench.context.point_artifact(point.index, MODEL)
    result = result | {"bytes": save(subject, folder)}
    if feasible(limits, result):
        return result | {"feasible": True, MODEL: str(folder.relative_to(bench.context.directory))}
    shutil.rmtree(folder.parent, ignore_errors=True)
    return result | {"feasible": False}


def _test(point: Point, bench: Workbench, report: Report) -> None:
    """The chosen trial's model on the test set, paired with the baseline."""
    from engine.runtime.runs import read_run
    from engine.store import load

    context, config = bench.context, bench.config
    index = point.params[CHOSEN]
    if index < 0:
        raise InputError("no trial has finished that keeps to the constraints: none is chosen.")
    chosen = dict(read_run(context.directory).points[index].result or {})
    subject = load(str(context.directory / chosen[MODEL]), task=config.task, module=python_of(config.model))
    found = bench.score(subject.model, bench.splits.test, lambda done, total, _: report(done, total, "test"))
    tested = replace(tested_of(found), delta=bench.difference(found.outcomes))
    context.finish(point.index, chosen | tested.to_record(bench.metric))
