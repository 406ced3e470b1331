"""What searches share: settings, one study for each curve, the choice of a trial, and its one look at the test set."""

import shutil
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import Field, field_validator

from engine.errors import InputError
from engine.experiments.base import Choice, Experiment
from engine.experiments.parts import search_reading as reading
from engine.experiments.parts.classification import Report, TextConfig, Workbench
from engine.experiments.parts.selection import keep_front
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, RunRecord
from engine.search.constraints import Constraint, parse_constraints
from engine.search.series import Goal, Series
from engine.search.studies import CHOSEN, TEST_POINT, Studies, placeholders

if TYPE_CHECKING:
    from torch import nn

    from engine.models.classifier import Classifier


class SearchSettings(TextConfig):
    """How long to search, and for what.

    `MEASURED` are the quantities that a constraint may name. `against` is a key of the results that accuracy is weighed
    against; what there is to choose from subclasses say.
    """

    MEASURED: ClassVar[tuple[str, ...]] = ("bytes", "lost", "accuracy")

    trials: int = Field(24, ge=1, le=100_000, title="Trials", description="Of each curve, with each seed.")
    seeds: int = Field(
        1, ge=1, le=100, title="Seeds", description="Each curve is searched so often; a band shows them."
    )
    against: str = Field("none", title="Against")
    constraints: str = Field(
        "", title="Constraints", description="What a trial must keep to: bytes<=2MB, lost<=1 (points of accuracy)."
    )

    @field_validator("constraints")
    @classmethod
    def _constraints(cls, value: str) -> str:
        parse_constraints(value, cls.MEASURED)
        return value.strip()

    @property
    def limits(self) -> tuple[Constraint, ...]:
        """The constraints, read."""
        return parse_constraints(self.constraints, self.MEASURED)

    @property
    def goals(self) -> tuple[Goal, ...]:
        """Validation accuracy, and what it is weighed against."""
        other = () if self.against == "none" else (Goal(self.against, maximize=False),)
        return (Goal("validation_accuracy"), *other)


class Searching(Experiment, Protocol):
    """A search: subclasses say what its series are, and build the model of a trial."""

    @abstractmethod
    def series(self, config: Any) -> list[Series]:
        """A series for each curve and seed."""

    @abstractmethod
    def trial(self, config: Any, point: Point, bench: Workbench, report: Report) -> None:
        """Computes one trial and finishes or prunes it."""

    def points(self, config: Any) -> Sequence[Params]:
        """What stands for the trials, and last the chosen one's look at the test set."""
        return [*placeholders(self.series(config), config.trials), dict(TEST_POINT)]

    def study(self, config: Any) -> Studies:
        """Optuna behind the runtime's questions."""

        def choose(run: RunRecord) -> int | None:
            choice = reading.chosen(config.limits, run)
            return None if choice is None else choice.index

        return Studies(lambda: self.series(config), choose)

    def run(self, config: Any, points: Sequence[Point], context: Context) -> None:
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

    def best(self, config: Any, run: RunRecord) -> Choice | None:
        """The smallest trial within one standard error of the highest validation accuracy that keeps the constraints.

        It is shown as the point that measured it on the test set, once that is done.
        """
        choice = reading.chosen(config.limits, run)
        if choice is None:
            return None
        tests = [point.index for point in run.finished if point.params.get(CHOSEN) == choice.index]
        return Choice(tests[-1], choice.reason) if tests else choice

    def tidy(self, config: Any, run: RunRecord) -> None:
        """Keeps the models on the front, and works out now and then which parameters matter."""
        keep_front(run, reading.candidates(config.limits, run))
        reading.note_importances(lambda: self.series(config), run)


def validated(bench: Workbench, model: "nn.Module", report: Report) -> dict[str, Any]:
    """Validation accuracy with its 95 % interval, to choose by; the test set is not looked at."""
    from engine.training.evaluate import evaluate

    config = bench.config
    found = evaluate(
        model,
        bench.splits.validation,
        batch_size=config.batch_size,
        device=bench.context.device,
        pad_id=bench.classifier.pad_id,
        progress=lambda done, total, _: report(done, total, "validation"),
    )
    baseline, _ = bench.baseline()
    return {
        "validation_accuracy": found.accuracy,
        "validation_low": found.low,
        "validation_high": found.high,
        "validation_samples": found.n,
        "lost": baseline["validation_accuracy"] - found.accuracy,
    }


def kept(
    bench: Workbench, classifier: "Classifier", point: Point, result: dict[str, Any], limits: Sequence[Constraint]
) -> dict[str, Any]:
    """The result with the bytes of the file as written; the model stays where the trial keeps the constraints."""
    from engine.compress import save
    from engine.search.constraints import feasible

    folder = bench.context.artifact("points", str(point.index), "model")
    result = result | {"bytes": save(classifier, folder)}
    if feasible(limits, result):
        return result | {"feasible": True, "model": str(folder.relative_to(bench.context.directory))}
    shutil.rmtree(folder.parent, ignore_errors=True)
    return result | {"feasible": False}


def _test(point: Point, bench: Workbench, report: Report) -> None:
    """The chosen trial's model on the test set, paired with the baseline."""
    from engine.compress import load
    from engine.runtime.runs import read_run
    from engine.training.evaluate import evaluate
    from engine.training.statistics import paired_difference

    context, config = bench.context, bench.config
    index = point.params[CHOSEN]
    if index < 0:
        raise InputError("no trial has finished that keeps to the constraints: none is chosen.")
    chosen = dict(read_run(context.directory).points[index].result or {})
    classifier = load(str(context.directory / chosen["model"]))
    found = evaluate(
        classifier.model,
        bench.splits.test,
        batch_size=config.batch_size,
        device=context.device,
        pad_id=classifier.pad_id,
        progress=lambda done, total, _: report(done, total, "test"),
    )
    _, baseline_correct = bench.baseline()
    delta, low, high = paired_difference(found.correct, baseline_correct)
    measured = {"accuracy": found.accuracy, "accuracy_low": found.low, "accuracy_high": found.high, "samples": found.n}
    context.finish(
        point.index,
        chosen | measured | {"loss": found.loss, "delta": delta, "delta_low": low, "delta_high": high},
    )
