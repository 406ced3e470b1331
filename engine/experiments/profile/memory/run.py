"""Where a model's bytes are before and after packing: points, and how one runs."""

from collections.abc import Sequence

from engine.experiments.api import Listing
from engine.experiments.profile.fields import short, subjects
from engine.experiments.profile.memory.config import MemoryConfig
from engine.experiments.profile.memory.findings import findings
from engine.experiments.profile.memory.measures import Holding, MemoryParams, MemoryPoint, MemoryResult
from engine.experiments.profile.memory.report import figures, listings
from engine.experiments.profile.memory.words import sentence
from engine.experiments.profile.study import Study, check_model, named
from engine.experiments.shared.finding import Finding
from engine.figures.figure import Figure
from engine.runtime.context import Context
from engine.runtime.records import RunRecord


class Memory(Study[MemoryConfig, MemoryParams, MemoryResult]):
    """The study `memory`."""

    name = "memory"
    title = "Memory"
    summary = "Where the bytes go, before and after packing."
    Config = MemoryConfig
    Params = MemoryParams
    Result = MemoryResult
    shown = ("what", "bytes", "saving")

    def subjects(self, config: MemoryConfig) -> Sequence[str]:
        """Models or blocks."""
        return [short(what) for what in subjects(config.model, config.blocks)]

    def model(self, config: MemoryConfig) -> str:
        """None beside blocks."""
        return "" if config.blocks else config.model

    def asked(self, config: MemoryConfig) -> Sequence[MemoryParams]:
        """Each subject with each group size."""
        return [
            MemoryParams(what=f"{short(what)}, groups of {group}", subject=what, group=group)
            for what in subjects(config.model, config.blocks)
            for group in config.groups
        ]

    def check(self, config: MemoryConfig) -> Sequence[str]:
        """Raises InputError where the model is not there, or a pattern fits no layer of it."""
        from engine.models.layer_names import check_layers

        if config.blocks:
            return ()
        said = check_model(config.model)
        check_layers(config.model, config.layers, config.skip)
        return said

    def measure(self, config: MemoryConfig, point: int, params: MemoryParams, context: Context) -> MemoryResult:
        """Packs a copy and counts the bytes of both."""
        from cuda_kernels import account
        from engine.compress.packed import pack_model
        from engine.profiling.specimen import model_of

        context.progress(point, 0, 2, "loading")
        model = model_of(params.subject, config.hidden, lambda *step: context.progress(point, *step))
        context.progress(point, 1, 2, "packing")
        before, after = account(model), account(pack_model(model, params.group, config.layers, config.skip))
        return MemoryResult(
            against_bytes=before.bytes,
            bytes=after.bytes,
            saving=1 - after.bytes / before.bytes,
            ideal=after.ideal,
            scratch=after.scratch_bytes,
            holdings=tuple(
                Holding(
                    layer=held.name,
                    kind=held.kind,
                    packed=held.packed,
                    bytes=held.bytes,
                    float_bytes=held.float_bytes,
                )
                for held in after.holdings
            ),
        )

    def figures(self, config: MemoryConfig, run: RunRecord) -> Sequence[Figure]:
        """Bytes by kind of content, before and after."""
        return figures(named(self.read(config, run)))

    def listings(self, config: MemoryConfig, run: RunRecord) -> Sequence[Listing]:
        """By kind, then layer by layer."""
        return listings(named(self.read(config, run)))

    def found(self, points: Sequence[MemoryPoint], run: RunRecord) -> Sequence[Finding]:
        """What packing saves."""
        return findings(named(points))

    def sentence(self, one: Finding) -> str:
        """In words."""
        return sentence(one)


STUDY = Memory()
