"""Prune a classifier: sparsities × methods × scopes × granularities, straight after and after fine-tuning."""

from collections.abc import Iterator, Sequence

from engine.errors import InputError
from engine.experiments.api import Listing
from engine.experiments.prune import report as reading
from engine.experiments.prune.config import CUT, PruneConfig
from engine.experiments.prune.findings import findings
from engine.experiments.prune.measures import PruneParams, PruneResult
from engine.experiments.prune.point import MOVEMENT, Pruned, conclude, fine_tune, pruned
from engine.experiments.prune.words import sentence
from engine.experiments.shared import covered
from engine.experiments.shared.swept import Swept
from engine.experiments.shared.together import at_once
from engine.experiments.shared.workbench import WARM, Workbench
from engine.figures.figure import Figure
from engine.runtime.context import Context, Point
from engine.runtime.records import RunRecord


class Prune(Swept[PruneConfig, PruneParams, PruneResult]):
    """The experiment `prune`."""

    name = "prune"
    title = "Prune"
    summary = "Accuracy against sparsity: weights by any score, N:M, neurons, heads and channels; fine-tuned or not."
    Config = PruneConfig
    Params = PruneParams
    Result = PruneResult
    shown = (
        "method",
        "sparsity",
        "of",
        "score",
        "pruned_score",
        "delta",
        "given_up",
        "true_sparsity",
        "bytes",
        "latency",
        "scope",
        "teacher",
        "covered",
    )
    pace = (
        "method",
        "granularity",
        "teacher",
        "model",
        "data",
        "max_length",
        "window",
        "batch_size",
        "eval_samples",
        "give_up",
        "finetune_steps",
        "finetune_epochs",
    )
    warm = (
        *WARM,
        "engine.compress.prune",
        "engine.compress.prune_report",
        "engine.training.latency",
        "engine.training.train",
    )

    def label(self, config: PruneConfig) -> str:
        """Model, methods, and what is swept."""
        shares = [f"{sparsity:g}" for sparsity in config.sparsities]
        swept = shares[0] if len(shares) == 1 else f"{shares[0]}…{shares[-1]}"
        return f"{config.model_name} {'+'.join(config.methods)} {swept}"

    def asked(self, config: PruneConfig) -> Iterator[PruneParams]:
        """Each curve from little to much."""
        n, m = config.kept
        for granularity in config.granularities:
            has_pattern = granularity == "n:m"
            for scope in ("layer",) if has_pattern else config.scopes:
                for method in config.methods:
                    for teacher in config.taught_by:
                        for sparsity in (1 - n / m,) if has_pattern else sorted(config.sparsities):
                            yield PruneParams(
                                method=method,
                                sparsity=sparsity,
                                of=config.pattern if has_pattern else granularity,
                                scope=scope,
                                teacher=teacher,
                            )

    def check(self, config: PruneConfig) -> list[str]:
        """Raises InputError where model, data or layer patterns cannot be used."""
        from engine.models.coverage import touched
        from engine.models.layer_names import check_layers

        said = config.check_sources()
        config.check_teacher()
        check_layers(config.model, config.layers, config.skip)
        return [*said, *touched(config.model, config.layers, config.skip)]

    def run(self, config: PruneConfig, points: Sequence[Point], context: Context) -> None:
        """Prunes, measures, fine-tunes, several points at once, measures again and saves."""
        bench = Workbench.of(config, points[0], context)
        waiting: list[Pruned] = []
        for point in points:
            bench.turn_to(point)
            with context.failing((point.index,), InputError):
                one = pruned(bench, config, point)
                if one.waits:
                    waiting.append(one)
                else:
                    conclude(bench, config, one)
        fine_tune(bench, config, waiting)
        for one in waiting:
            if one.point.index not in context.done:
                bench.turn_to(one.point)
                with context.failing((one.point.index,), InputError):
                    conclude(bench, config, one)

    def at_once(self, config: PruneConfig) -> int:
        """Masks laid before the fine-tuning train as one; what is cut out has shapes of its own, and is timed alone."""
        masked = (
            config.schedule == "once" and config.methods != (MOVEMENT,) and not set(CUT) & set(config.granularities)
        )
        return at_once(config) if masked and config.trains else 1

    def figures(self, config: PruneConfig, run: RunRecord) -> Sequence[Figure]:
        """The score against sparsity and against bytes, training loss."""
        return reading.figures(run, self.read(config, run), self.chosen(config, run), config.metric)

    def listings(self, config: PruneConfig, run: RunRecord) -> Sequence[Listing]:
        """The layers of the chosen point with a map of what survives."""
        return reading.listings(self.read(config, run), self.best(config, run))

    def findings(self, config: PruneConfig, run: RunRecord) -> Sequence[str]:
        """Up to which sparsity each method holds the baseline, and how much was changed."""
        found = findings(run.config, self.read(config, run), config.metric)
        return [*(sentence(one, config.metric) for one in found), *covered.findings(run)]


EXPERIMENT = Prune()
