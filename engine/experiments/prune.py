"""Prune a classifier: sparsities × methods × scopes × granularities, straight after and after fine-tuning."""

from collections.abc import Sequence

from engine.experiments.base import Choice, Column, Experiment, Listing
from engine.experiments.parts import prune_reading as reading
from engine.experiments.parts.classification import WARM
from engine.experiments.parts.prune_config import PruneConfig
from engine.experiments.parts.prune_point import run_point
from engine.experiments.parts.selection import candidates, choose, keep_front
from engine.figures.figure import Figure
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, RunRecord


class Prune(Experiment):
    """The experiment `prune`."""

    name = "prune"
    title = "Prune"
    summary = "Accuracy against sparsity: random, L1 and Wanda; weights, N:M, neurons and heads; fine-tuned or not."
    Config = PruneConfig
    columns = (
        Column("method", "Method"),
        Column("sparsity", "Sparsity", "number"),
        Column("granularity", "Of"),
        Column("accuracy", "Accuracy", "percent", "accuracy_low", "accuracy_high"),
        Column("pruned_accuracy", "Before", "percent", "pruned_accuracy_low", "pruned_accuracy_high"),
        Column("delta", "Δ base", "percent", "delta_low", "delta_high", signed=True),
        Column("true_sparsity", "Gone", "percent"),
        Column("bytes", "Size", "bytes"),
        Column("latency", "Batch", "seconds"),
        Column("scope", "Scope"),
    )
    pace = (
        "method",
        "granularity",
        "model",
        "data",
        "max_length",
        "batch_size",
        "eval_samples",
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

    def points(self, config: PruneConfig) -> Sequence[Params]:
        """Curve by curve, each from little to much."""
        found: list[Params] = []
        for granularity in config.granularities:
            n, m = config.kept
            one_of_its_own = granularity == "n:m"
            for scope in ("layer",) if one_of_its_own else config.scopes:
                for method in config.methods:
                    found += [
                        {
                            "method": method,
                            "sparsity": sparsity,
                            "granularity": config.pattern if one_of_its_own else granularity,
                            "scope": scope,
                        }
                        for sparsity in ((1 - n / m,) if one_of_its_own else sorted(config.sparsities))
                    ]
        return found

    def check(self, config: PruneConfig) -> None:
        """Raises InputError where model, data or layer patterns cannot be used."""
        from engine.models.layer_names import check_patterns

        config.check_sources()
        check_patterns(config.model, (*config.layers, *config.skip))

    def run(self, config: PruneConfig, points: Sequence[Point], context: Context) -> None:
        """Prunes, measures, fine-tunes, measures again and saves; one point after the other."""
        for point in points:
            run_point(config, point, context)

    def figures(self, config: PruneConfig, run: RunRecord) -> Sequence[Figure]:
        """Accuracy against sparsity and against bytes, training loss."""
        best = self.best(config, run)
        return reading.figures(run, None if best is None else best.index)

    def listings(self, config: PruneConfig, run: RunRecord) -> Sequence[Listing]:
        """The layers of the chosen point with a map of what survives."""
        return reading.listings(run, self.best(config, run))

    def findings(self, config: PruneConfig, run: RunRecord) -> Sequence[str]:
        """Up to which sparsity each method holds the baseline."""
        return reading.findings(run)

    def best(self, config: PruneConfig, run: RunRecord) -> Choice | None:
        """The smallest point within one standard error of the highest validation accuracy."""
        return choose(candidates(run, reading.name))

    def tidy(self, config: PruneConfig, run: RunRecord) -> None:
        """Keeps the models on the Pareto front: no other can be chosen, now or later."""
        keep_front(run, candidates(run, reading.name))


EXPERIMENT = Prune()
