"""Naive against fused attention: points, and how one runs."""

from collections.abc import Sequence

from engine.experiments.api import Listing
from engine.experiments.profile.attention.config import AttentionConfig
from engine.experiments.profile.attention.findings import findings
from engine.experiments.profile.attention.measures import AttentionParams, AttentionPoint, AttentionResult, Way
from engine.experiments.profile.attention.report import figures, listings
from engine.experiments.profile.attention.words import sentence
from engine.experiments.profile.study import Study, named
from engine.experiments.shared.finding import Finding
from engine.figures.figure import Figure
from engine.runtime.context import Context
from engine.runtime.records import RunRecord
from engine.tasks.metric import Bounded


class Attention(Study[AttentionConfig, AttentionParams, AttentionResult]):
    """The study `attention`."""

    name = "attention"
    title = "Attention"
    summary = "Which attention kernel: time, memory and precision over lengths."
    Config = AttentionConfig
    Params = AttentionParams
    Result = AttentionResult
    shown = ("what", "dtype", "time", "against", "speedup", "best", "bytes", "difference")

    def subjects(self, config: AttentionConfig) -> Sequence[str]:
        """Types."""
        return config.dtypes

    def asked(self, config: AttentionConfig) -> Sequence[AttentionParams]:
        """Head sizes × types × masks, each over the lengths."""
        return [
            AttentionParams(
                what=f"{config.heads}×{length}×{head_size} {mask}",
                length=length,
                head_size=head_size,
                dtype=dtype,
                mask=mask,
            )
            for head_size in config.head_sizes
            for dtype in config.dtypes
            for mask in config.masks
            for length in config.lengths
        ]

    def check(self, config: AttentionConfig) -> Sequence[str]:
        """Nothing that could be missing."""
        return ()

    def measure(
        self, config: AttentionConfig, point: int, params: AttentionParams, context: Context
    ) -> AttentionResult:
        """All ways at one shape; the point's own numbers are the fastest fused way beside the naive one."""
        import torch

        from engine.profiling.attention import BACKENDS, Shape, measure

        total = len(BACKENDS[torch.device(context.device).type]) + 3
        stages = iter(range(total))
        shape = Shape(
            config.heads, params.length, params.head_size, getattr(torch, params.dtype), params.mask == "causal"
        )
        naive, *fused = (
            Way(
                name=way.name,
                time=Bounded(way.time.median, way.time.low, way.time.high) if way.time else None,
                bytes=way.memory,
                difference=way.difference,
                note=way.note or ("disturbed by other processes" if way.time and way.time.disturbed else ""),
            )
            for way in measure(
                shape,
                context.device,
                config.repeats,
                config.seed,
                lambda text: context.progress(point, next(stages), total, text),
            )
        )
        timed = [(way.time.value, way) for way in fused if way.time]
        took, best = min(timed, key=lambda one: one[0], default=(None, None))
        against = naive.time.value if naive.time else None
        return AttentionResult(
            ways=(naive, *fused),
            best=best.name if best else None,
            time=took,
            against=against,
            speedup=against / took if against and took else None,
            bytes=best.bytes if best else None,
            difference=best.difference if best else None,
        )

    def figures(self, config: AttentionConfig, run: RunRecord) -> Sequence[Figure]:
        """Time, then peak memory, against length."""
        return figures(named(self.read(config, run)))

    def listings(self, config: AttentionConfig, run: RunRecord) -> Sequence[Listing]:
        """Every way at every shape."""
        return listings(named(self.read(config, run)))

    def found(self, points: Sequence[AttentionPoint], run: RunRecord) -> Sequence[Finding]:
        """Which way is the fastest, and what it spares."""
        return findings(named(points))

    def sentence(self, one: Finding) -> str:
        """In words."""
        return sentence(one)


STUDY = Attention()
