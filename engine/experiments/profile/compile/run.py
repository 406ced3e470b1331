"""Compiled against eager: points, and how one runs."""

import math
from collections.abc import Sequence

from engine.experiments.api import Listing
from engine.experiments.profile.bodies import BodyParams, BodyStudy
from engine.experiments.profile.compile.config import CompileConfig
from engine.experiments.profile.compile.findings import findings
from engine.experiments.profile.compile.measures import CompilePoint, CompileResult
from engine.experiments.profile.compile.report import figures, listings
from engine.experiments.profile.compile.words import sentence
from engine.experiments.profile.study import named
from engine.experiments.shared.finding import Finding
from engine.figures.figure import Figure
from engine.runtime.context import Context
from engine.runtime.records import RunRecord
from engine.tasks.metric import Bounded


class Compile(BodyStudy[CompileConfig, CompileResult]):
    """The study `compile`."""

    name = "compile"
    title = "Compile"
    summary = "Compiled or eager: the first call, the steady state, graph breaks."
    Config = CompileConfig
    Result = CompileResult
    shown = (
        "what",
        "dtype",
        "batch",
        "time",
        "against",
        "speedup",
        "first_call",
        "pays_after",
        "difference",
        "tokens",
    )

    def check(self, config: CompileConfig) -> Sequence[str]:
        """Raises InputError where the model is not there, or no C++ compiler for the CPU."""
        from engine.profiling.compilers import check_compiler

        said = super().check(config)
        check_compiler(config.device)
        return said

    def measure(self, config: CompileConfig, point: int, params: BodyParams, context: Context) -> CompileResult:
        """Loads, compiles, measures."""
        from engine.profiling.compiling import measure

        stages = iter(range(5))

        def report(text: str) -> None:
            context.progress(point, next(stages), 5, text)

        report("loading")
        one = self.specimen(config, point, params, context)
        found = measure(one, context.device, config.repeats, report)
        eager, compiled = found.eager, found.compiled
        return CompileResult(
            tokens=one.tokens,
            start_up=found.start_up,
            first_call=found.first_call,
            time=Bounded(compiled.median, compiled.low, compiled.high),
            against=Bounded(eager.median, eager.low, eager.high),
            speedup=eager.median / compiled.median,
            pays_after=pays_after(found.first_call - compiled.median, eager.median - compiled.median),
            difference=found.difference,
            largest=found.largest,
            graphs=found.graphs,
            breaks=tuple(found.breaks),
            disturbed=eager.disturbed or compiled.disturbed,
        )

    def figures(self, config: CompileConfig, run: RunRecord) -> Sequence[Figure]:
        """A call eager and compiled, then what many calls cost in all."""
        return figures(named(self.read(config, run)))

    def listings(self, config: CompileConfig, run: RunRecord) -> Sequence[Listing]:
        """The times with their quartiles, then the graph breaks."""
        return listings(named(self.read(config, run)))

    def found(self, points: Sequence[CompilePoint], run: RunRecord) -> Sequence[Finding]:
        """Whether compiling pays, and after how many calls."""
        return findings(named(points))

    def sentence(self, one: Finding) -> str:
        """In words."""
        return sentence(one)


def pays_after(cost: float, saved: float) -> int | None:
    """Calls after which compiling has cost less time than it saved; None where a call saves none."""
    return math.ceil(max(0.0, cost) / saved) if saved > 0 else None


STUDY = Compile()
