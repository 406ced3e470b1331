"""Training within a point: curves, throughput and checkpoints are recorded as it goes."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine.experiments.parts.classification import Workbench, sampled
from engine.runtime.context import Point

if TYPE_CHECKING:
    from torch import nn

    from engine.training.train import Trained, TrainSettings

CHECKPOINT_SECONDS = 60.0


def train_point(
    bench: Workbench,
    model: "nn.Module",
    settings: "TrainSettings",
    point: int,
    *,
    validated: bool = False,
    before_step: Callable[[int], None] | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> "Trained":
    """Trains a model on the workbench's train set; a task that was killed goes on from its last checkpoint.

    Records the loss of each step, and where it is `validated` the accuracy at each validation.
    """
    from engine.training.evaluate import evaluate
    from engine.training.state import Checkpoints
    from engine.training.train import train

    context, pad_id = bench.context, bench.classifier.pad_id
    began, first = time.monotonic(), 0

    def on_step(step: int, total: int, loss: float) -> None:
        nonlocal began, first
        if not first:  # the first step of a process is slower than those to come
            began, first = time.monotonic(), step
        context.metric(point, "loss", loss, step)
        pace = (step - first) * settings.batch_size / max(time.monotonic() - began, 1e-9)
        bench.report(step, total, f"training, {pace:,.0f} texts/s" if step > first else "training")

    def validate(step: int) -> float:
        found = evaluate(
            model, bench.splits.validation, batch_size=settings.batch_size, device=context.device, pad_id=pad_id
        )
        context.metric(point, "validation_accuracy", found.accuracy, step)
        context.metric(point, "validation_loss", found.loss, step)
        return found.accuracy

    return train(
        model,
        bench.splits.train,
        settings,
        device=context.device,
        pad_id=pad_id,
        on_step=on_step,
        before_step=before_step,
        validate=validate if validated else None,
        checkpoints=Checkpoints(context, point, checkpoint_seconds),
    )


def train_together(bench: Workbench, models: "Sequence[tuple[Point, nn.Module]]", settings: "TrainSettings") -> None:
    """Trains the quantised model of each point, at once all that differ in plain numbers alone.

    Records the losses of each. A point that was killed goes on from its last checkpoint, with those that stand there.
    """
    from engine.compress import stacking_key

    alike: dict[object, list[tuple[Point, nn.Module]]] = {}
    for point, model in models:
        alike.setdefault((stacking_key(model), bench.context.kept_step(point.index)), []).append((point, model))
    for some in alike.values():
        if len(some) > 1 and _can_stack(bench, [model for _, model in some]):
            _train_variants(bench, some, settings)
            continue
        for point, model in some:
            bench.turn_to(point)
            train_point(bench, model, settings, point.index)


def _can_stack(bench: Workbench, models: "Sequence[nn.Module]") -> bool:
    from engine.training.tokens import batches
    from engine.training.variants import can_stack

    few = sampled(bench.splits.train, 2, bench.config.seed).to(bench.context.device)
    (batch,) = batches(few, len(few), pad_id=bench.classifier.pad_id)
    return can_stack(models, batch.inputs)


def _train_variants(bench: Workbench, models: "Sequence[tuple[Point, nn.Module]]", settings: "TrainSettings") -> None:
    from engine.training.train import train
    from engine.training.variants import CheckpointEach, Variants

    context, indices = bench.context, [point.index for point, _ in models]
    together = f"training, {len(models)} points at once"

    def on_step(step: int, total: int, *losses: float) -> None:
        for index, loss in zip(indices, losses, strict=True):
            context.metric(index, "loss", loss, step)
            context.progress(index, step, total, together)

    train(
        Variants([model for _, model in models]),
        bench.splits.train,
        settings,
        device=context.device,
        pad_id=bench.classifier.pad_id,
        on_step=on_step,
        checkpoints=CheckpointEach(context, indices, CHECKPOINT_SECONDS),
    )
