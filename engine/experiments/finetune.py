"""Train a classifier on: all of it, or LoRA adapters beside its frozen layers (PEFT)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.experiments.base import Choice, Column, Experiment, Listing
from engine.experiments.parts import finetune_figures as reading
from engine.experiments.parts.classification import WARM, Workbench, sampled
from engine.experiments.parts.finetune_config import FinetuneConfig, train_settings
from engine.experiments.parts.selection import candidates, choose, keep_front
from engine.experiments.parts.training import train_point
from engine.figures.figure import Figure
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, RunRecord

if TYPE_CHECKING:
    from torch import nn


class Finetune(Experiment):
    """The experiment `finetune`."""

    name = "finetune"
    title = "Fine-tune"
    summary = "Train a classifier on, all of it or LoRA adapters; learning rates and ranks to compare."
    Config = FinetuneConfig
    columns = (
        Column("method", "Method"),
        Column("learning_rate", "Rate", "number"),
        Column("rank", "Rank", "number"),
        Column("accuracy", "Accuracy", "percent", "accuracy_low", "accuracy_high"),
        Column("delta", "Δ base", "percent", "delta_low", "delta_high", signed=True),
        Column("loss", "Loss", "number"),
        Column("trainable", "Trained", "number"),
        Column("best_step", "Best step", "number"),
        Column("texts_per_second", "Texts/s", "number"),
        Column("bytes", "Size", "bytes"),
        Column("peak_memory", "Memory", "bytes"),
    )
    pace = ("method", "model", "data", "max_length", "batch_size", "eval_samples", "steps", "epochs", "eval_steps")
    warm = (*WARM, "peft", "engine.compress.lora", "engine.training.train")

    def label(self, config: FinetuneConfig) -> str:
        """Model and methods."""
        return f"{config.model_name} {'+'.join(config.methods)}"

    def points(self, config: FinetuneConfig) -> Sequence[Params]:
        """Methods × learning rates, with LoRA × ranks."""
        found: list[Params] = []
        for method in config.methods:
            for rate in config.learning_rates:
                ranks: list[Params] = [{"rank": rank} for rank in config.ranks] if method == "lora" else [{}]
                found += [{"method": method, "learning_rate": rate, **rank} for rank in ranks]
        return found

    def check(self, config: FinetuneConfig) -> None:
        """Raises InputError where model, data or LoRA targets cannot be used."""
        from engine.models.layer_names import check_patterns

        config.check_sources()
        if "lora" in config.methods:
            check_patterns(config.model, config.targets)

    def run(self, config: FinetuneConfig, points: Sequence[Point], context: Context) -> None:
        """Trains, measures and saves; one point after the other."""
        for point in points:
            _run_point(config, point, context)

    def figures(self, config: FinetuneConfig, run: RunRecord) -> Sequence[Figure]:
        """Validation accuracy and training loss against the step, and test accuracy by point."""
        best = self.best(config, run)
        return reading.figures(run, None if best is None else best.index)

    def listings(self, config: FinetuneConfig, run: RunRecord) -> Sequence[Listing]:
        """What trains, known before the first step."""
        return reading.listings(run)

    def best(self, config: FinetuneConfig, run: RunRecord) -> Choice | None:
        """The point of the highest validation accuracy; all models are of one size."""
        return choose(candidates(run, reading.name))

    def tidy(self, config: FinetuneConfig, run: RunRecord) -> None:
        """Keeps the models that can still be chosen."""
        keep_front(run, candidates(run, reading.name))


def _run_point(config: FinetuneConfig, point: Point, context: Context) -> None:
    import copy

    import torch

    from engine.compress.lora import LoraSettings, add_lora, merge_lora, trainable
    from engine.training.tokens import batches

    bench = Workbench.of(config, point, context)
    model: nn.Module = copy.deepcopy(bench.classifier.model)
    lora = point.params["method"] == "lora"
    if lora:
        settings = LoraSettings(point.params["rank"], config.alpha, config.dropout, config.targets)
        add_lora(model, settings, config.seed)
        model.to(context.device)
    count, size, total = trainable(model)
    facts = {"trainable": count, "trainable_bytes": size, "parameters": total}
    context.note(**{f"trains_{point.index}": facts})
    bench.report(0, 1, f"{count:,} of {total:,} parameters train, {size:,} bytes")
    how = train_settings(config, point.params["learning_rate"], len(bench.splits.train), context.device)
    trained = train_point(bench, model, how, point.index, validated=True, checkpoint_seconds=config.checkpoint_seconds)
    merged: dict[str, float] = {}
    if lora:
        sample = sampled(bench.splits.validation, config.batch_size, config.seed).to(context.device)
        (batch,) = batches(sample, config.batch_size, pad_id=bench.classifier.pad_id)
        with torch.no_grad():
            apart = model(**batch.inputs).logits
            merge_lora(model)
            merged["merge_difference"] = float((model(**batch.inputs).logits - apart).abs().max())
    context.finish(
        point.index,
        {
            **bench.conclude(point.index, model),
            **facts,
            **merged,
            "steps": trained.steps,
            "best_step": trained.best_step,
            "texts_per_second": trained.texts_per_second,
        },
    )


EXPERIMENT = Finetune()
