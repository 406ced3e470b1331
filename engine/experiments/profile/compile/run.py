"""Compiled against eager: points, and how one runs."""

import math
from collections.abc import Sequence

from engine.experiments.api import Listing
from engine.experiments.profile.compile.config import CompileConfig
from engine.experiments.profile.compile.findings import findings
from engine.experiments.profile.compile.measures import CompileParams, CompilePoint, CompileResult
from engine.experiments.profile.compile.report import figures, listings
from engine.experiments.profile.compile.words import sentence
from engine.experiments.profile.fields import short, subjects
from engine.experiments.profile.study import Study, check_model, named
from engine.experiments.shared.finding import Finding
from engine.figures.figure import Figure
from engine.runtime.context import Context
from engine.runtime.records import RunRecord
from engine.tasks.metric import Bounded


class Compile(Study[CompileConfig, CompileParams, CompileResult]):
    """The study `compile`."""

    name = "compile"
    title = "Compile"
    summary = "Compiled or eager: the first call, the steady state, graph breaks."
    Config = CompileConfig
    Params = CompileParams
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

    def subjects(self, config: CompileConfig) -> Sequence[str]:
        """Models or blocks."""
        return [short(what) for what in subjects(config.model, config.blocks)]

    def model(self, config: CompileConfig) -> str:
        """None beside blocks."""
        return "" if config.blocks else config.model

    def asked(self, config: CompileConfig) -> Sequence[CompileParams]:
        """Each subject in each type at each batch size."""
        return [
            CompileParams(what=short(what), subject=what, dtype=dtype, batch=batch)
            for what in subjects(config.model, config.blocks)
            for dtype in config.dtypes
            for batch in config.batch_sizes
        ]

    def check(self, config: CompileConfig) -> Sequence[str]:
        """Raises InputError where the model is not there, or no C++ compiler for the CPU."""
        from engine.profiling.compilers import check_compiler

        said = [] if config.blocks else check_model(config.model, config.sequence)
        check_compiler(config.device)
        return said

    def measure(self, config: CompileConfig, point: int, params: CompileParams, context: Context) -> CompileResult:
        """Loads, compiles, measures."""
        import torch

        from engine.profiling.compiling import measure
        from engine.profiling.specimen import model_of, specimen

        stages = iter(range(5))

        def report(text: str) -> None:
            context.progress(point, next(stages), 5, text)

        report("loading")
        one = specimen(
            params.subject,
            model_of(params.subject, config.hidden, lambda *step: context.progress(point, *step)),
            dtype=getattr(torch, params.dtype),
            device=context.device,
            batch=params.batch,
            sequence=config.sequence,
            seed=config.seed,
        )
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
