"""Training within a point: curves, throughput and checkpoints are recorded as it goes."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.experiments.parts.classification import Workbench

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
