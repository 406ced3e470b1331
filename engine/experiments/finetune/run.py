"""Train a classifier on: all of it, or LoRA adapters beside its frozen layers (PEFT)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.experiments.api import Listing
from engine.experiments.finetune import report as reading
from engine.experiments.finetune.config import FinetuneConfig, train_settings
from engine.experiments.finetune.measures import FinetuneParams, FinetuneResult, Trains
from engine.experiments.shared import covered
from engine.experiments.shared.swept import Swept
from engine.experiments.shared.teaching import teacher_of
from engine.experiments.shared.training import train_point
from engine.experiments.shared.workbench import WARM, Workbench
from engine.figures.figure import Figure
from engine.runtime.context import Context, Point
from engine.runtime.records import RunRecord

if TYPE_CHECKING:
    from torch import nn


class Finetune(Swept[FinetuneConfig, FinetuneParams, FinetuneResult]):
    """The experiment `finetune`."""

    name = "finetune"
    title = "Fine-tune"
    summary = "Train a classifier on, all of it or LoRA adapters; learning rates and ranks to compare."
    Config = FinetuneConfig
    Params = FinetuneParams
    Result = FinetuneResult
    shown = (
        "method",
        "learning_rate",
        "rank",
        "teacher",
        "score",
        "delta",
        "loss",
        "trainable",
        "best_step",
        "rate",
        "bytes",
        "peak_memory",
        "covered",
    )
    pace = (
        "method",
        "teacher",
        "model",
        "data",
        "max_length",
        "window",
        "batch_size",
        "eval_samples",
        "steps",
        "epochs",
        "eval_steps",
    )
    warm = (*WARM, "peft", "engine.compress.lora", "engine.training.train")

    def label(self, config: FinetuneConfig) -> str:
        """Model and methods."""
        return f"{config.model_name} {'+'.join(config.methods)}"

    def asked(self, config: FinetuneConfig) -> list[FinetuneParams]:
        """Methods × teachers × learning rates, with LoRA × ranks."""
        return [
            FinetuneParams(method=method, learning_rate=rate, rank=rank, teacher=teacher)
            for method in config.methods
            for teacher in config.taught_by
            for rate in config.learning_rates
            for rank in (config.ranks if method == "lora" else (None,))
        ]

    def check(self, config: FinetuneConfig) -> list[str]:
        """Raises InputError where model, data or LoRA targets cannot be used."""
        from engine.models.layer_names import check_layers

        said = config.check_sources()
        config.check_teacher()
        if "lora" in config.methods:
            if config.targets:
                check_layers(config.model, config.targets, ())
            said += _adapted(config)
        return said

    def run(self, config: FinetuneConfig, points: Sequence[Point], context: Context) -> None:
        """Trains, measures and saves; one point after the other."""
        for point in points:
            _run_point(config, point, context)

    def figures(self, config: FinetuneConfig, run: RunRecord) -> Sequence[Figure]:
        """Validation score and training loss against the step, and test score by point."""
        return reading.figures(run, self.read(config, run), self.chosen(config, run), config.metric)

    def listings(self, config: FinetuneConfig, run: RunRecord) -> Sequence[Listing]:
        """What trains, known before the first step."""
        return reading.listings(run, self.read(config, run))

    def findings(self, config: FinetuneConfig, run: RunRecord) -> Sequence[str]:
        """Which files are larger than the source: of a source in half precision those of the trained model."""
        return [f"{said} Weights are trained and saved in float32." for said in covered.larger(run)]


def _adapted(config: FinetuneConfig) -> list[str]:
    """Which layers LoRA goes beside, as far as the files tell. Raises InputError where there are none."""
    from engine.layers import adaptable, is_adaptable, is_meant
    from engine.models.layer_names import layers_like, layers_of

    layers = layers_of(config.model)
    if not layers:
        return []
    if config.targets:
        chosen = layers_like(config.model, config.targets)
        names = [name for name, one in chosen.items() if is_adaptable(one.kind)]
    else:
        names = adaptable(layers)
    if not names:
        raise InputError(f"{config.model} has no linear layers in repeated blocks; name layers as targets.")
    where = "that targets name" if config.targets else "of the repeated blocks"
    linear = all(is_meant(layers[name].kind, "Linear") for name in names)
    what = "linear layers" if linear else "layers"
    return [f"LoRA adapts the {len(names):,} {what} {where}: {names[0]} to {names[-1]}"]


def _run_point(config: FinetuneConfig, point: Point, context: Context) -> None:
    import copy

    import torch

    from engine.compress.lora import LoraSettings, add_lora, merge_lora, trainable
    from engine.layers import share_of
    from engine.training.forward import logits_of
    from engine.training.samples import sampled

    bench, params = Workbench.of(config, point, context), FinetuneParams.from_record(point.params)
    model: nn.Module = copy.deepcopy(bench.subject.model)
    share = 1.0
    if params.rank is not None:
        settings = LoraSettings(params.rank, config.alpha, config.dropout, config.targets)
        adapted = add_lora(model, settings, config.seed)
        model.to(context.device)
        share = share_of(bench.subject.model, adapted)
    count, size, total = trainable(model)
    trains = Trains(trainable=count, trainable_bytes=size, parameters=total, covered=share)
    context.note(**{f"trains_{point.index}": trains.to_record()})
    bench.report(0, 1, f"{count:,} of {total:,} parameters train, {size:,} bytes")
    how = train_settings(config, params.learning_rate, len(bench.train), context.device)
    trained = train_point(
        bench,
        model,
        how,
        point.index,
        teacher=teacher_of(bench, config, params.teacher),
        validated=True,
        checkpoint_seconds=config.checkpoint_seconds,
    )
    merge_difference = None
    if params.rank is not None:
        sample = sampled(bench.validation, config.batch_size, config.seed).to(context.device)
        (batch,) = sample.batches(config.batch_size)
        with torch.no_grad():
            apart = logits_of(model, batch.inputs)
            merge_lora(model)
            merge_difference = float((logits_of(model, batch.inputs) - apart).abs().max())
    result = FinetuneResult(
        measured=bench.conclude(point.index, model),
        trains=trains,
        merge_difference=merge_difference,
        steps=trained.steps,
        best_step=trained.best_step,
        rate=trained.samples_per_second,
    )
    context.finish(point.index, result.to_record(bench.metric))


EXPERIMENT = Finetune()
