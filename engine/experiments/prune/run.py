"""Prune a classifier: sparsities × methods × scopes × granularities, straight after and after fine-tuning."""

from collections.abc import Sequence

from engine.experiments.api import Column, Listing
from engine.experiments.prune import report as reading
from engine.experiments.prune.config import PruneConfig
from engine.experiments.prune.point import run_point
from engine.experiments.shared import covered
from engine.experiments.shared.scored import Swept
from engine.experiments.shared.workbench import WARM
from engine.figures.figure import Figure
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, RunRecord


class Prune(Swept[PruneConfig]):
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
        Column("teacher", "Teacher", usual=""),
        covered.COLUMN,
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
                            **taught_by,
                        }
                        for taught_by in config.taught_by
                        for sparsity in ((1 - n / m,) if one_of_its_own else sorted(config.sparsities))
                    ]
        return found

    def check(self, config: PruneConfig) -> list[str]:
        """Raises InputError where model, data or layer patterns cannot be used."""
        from engine.models.coverage import touched
        from engine.models.layer_names import check_layers

        said = config.check_sources()
        config.check_teacher()
        check_layers(config.model, config.layers, config.skip)
        return [*said, *touched(config.model, config.layers, config.skip)]

    def run(self, config: PruneConfig, points: Sequence[Point], context: Context) -> None:
        """Prunes, measures, fine-tunes, measures again and saves; one point after the other."""
        for point in points:
            run_point(config, point, context)

    def figures(self, config: PruneConfig, run: RunRecord) -> Sequence[Figure]:
        """The score against sparsity and against bytes, training loss."""
        best = self.best(config, run)
        return reading.figures(run, None if best is None else best.index, config.metric)

    def listings(self, config: PruneConfig, run: RunRecord) -> Sequence[Listing]:
        """The layers of the chosen point with a map of what survives."""
        return reading.listings(run, self.best(config, run))

    def findings(self, config: PruneConfig, run: RunRecord) -> Sequence[str]:
        """Up to which sparsity each method holds the baseline, and how much was changed."""
        return [*reading.findings(run, config.metric), *covered.findings(run)]

    def point_name(self, params: Params) -> str:
        """`l1 0.5`, `random heads 0.5`."""
        return reading.name(params)


EXPERIMENT = Prune()
