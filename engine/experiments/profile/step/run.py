"""A step operator by operator: points, and how one runs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.experiments.api import Listing
from engine.experiments.profile.bodies import BodyParams, BodyStudy
from engine.experiments.profile.fields import short
from engine.experiments.profile.step.config import StepConfig
from engine.experiments.profile.step.findings import findings
from engine.experiments.profile.step.measures import Spent, StepPoint, StepResult
from engine.experiments.profile.step.report import figures, listings
from engine.experiments.profile.step.words import sentence
from engine.experiments.profile.study import named
from engine.experiments.shared.finding import Finding
from engine.figures.figure import Figure
from engine.runtime.context import Context
from engine.runtime.records import RunRecord
from engine.tasks.metric import Bounded

if TYPE_CHECKING:
    from engine.profiling import steps

TRACE = "trace.json"


class Step(BodyStudy[StepConfig, StepResult]):
    """The study `step`."""

    name = "step"
    title = "Step"
    summary = "What takes the time of a step: operators, layers, parts."
    Config = StepConfig
    Result = StepResult
    shown = ("what", "dtype", "batch", "time", "bytes", "tokens")

    def called(self, config: StepConfig, subject: str) -> str:
        """With the mode."""
        return f"{short(subject)} {config.mode}"

    def measure(self, config: StepConfig, point: int, params: BodyParams, context: Context) -> StepResult:
        """Times steps, profiles some more, and keeps the trace."""
        from engine.profiling.steps import measure
        from engine.runtime.files import write_durably

        context.progress(point, 0, 2, "loading")
        one = self.specimen(config, point, params, context)
        path = context.point_artifact(point, TRACE)

        def keep(profiler: Any) -> None:
            write_durably(path, lambda partial: profiler.export_chrome_trace(str(partial)))

        context.progress(point, 1, 2, "profiling")
        found = measure(
            one,
            context.device,
            training=config.mode == "training",
            steps=config.steps,
            repeats=config.repeats,
            keep=keep if config.trace else None,
        )
        return StepResult(
            tokens=one.tokens,
            time=Bounded(found.time.median, found.time.low, found.time.high),
            profiled=found.profiled,
            bytes=found.memory,
            operators=_spent(found.operators),
            layer_times=_spent(found.layers),
            phases=_spent(found.phases),
            trace=str(path.relative_to(context.directory)) if config.trace else None,
        )

    def figures(self, config: StepConfig, run: RunRecord) -> Sequence[Figure]:
        """The slowest operators, then the slowest layers."""
        return figures(named(self.read(config, run)))

    def listings(self, config: StepConfig, run: RunRecord) -> Sequence[Listing]:
        """Operators, layers and parts of the step."""
        return listings(named(self.read(config, run)))

    def found(self, points: Sequence[StepPoint], run: RunRecord) -> Sequence[Finding]:
        """Where the time goes."""
        return findings(named(points), run.path)

    def sentence(self, one: Finding) -> str:
        """In words."""
        return sentence(one)


def _spent(spent: "Sequence[steps.Spent]") -> tuple[Spent, ...]:
    whole = sum(one.own for one in spent)
    return tuple(
        Spent(
            name=one.name or "(the model itself)",
            kind=one.kind,
            calls=one.calls,
            own=one.own,
            total=one.total,
            share=one.own / whole if whole else 0.0,
        )
        for one in spent
    )


STUDY = Step()
