"""Training within a point: curves, throughput and checkpoints are recorded as it goes."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine.experiments.shared.workbench import Workbench
from engine.runtime.context import Point
from engine.runtime.records import Phase

if TYPE_CHECKING:
    from torch import nn

    from engine.training.teacher import Teacher
    from engine.training.train import Trained, TrainSettings

    Student = tuple[Point, nn.Module, Teacher | None]

CHECKPOINT_SECONDS = 60.0
STACKED_FROM = 3
"""Points that gain by training as one: on an H200 a step of two stacked takes 2.7 times as long as one of one."""


def train_point(
    bench: Workbench,
    model: "nn.Module",
    settings: "TrainSettings",
    point: int,
    *,
    teacher: "Teacher | None" = None,
    validated: bool = False,
    before_step: Callable[[int], None] | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> "Trained":
    """Trains a model on the workbench's train set; a task that was killed goes on from its last checkpoint.

    Records the loss of each step, and where it is `validated` the score at each validation.
    """
    from engine.training.state import Checkpoints
    from engine.training.train import train

    context, metric = bench.context, bench.metric
    began, first = time.monotonic(), 0

    def on_step(step: int, total: int, loss: float) -> None:
        nonlocal began, first
        if not first:  # the first step of a process is slower than those to come
            began, first = time.monotonic(), step
        context.metric(point, "loss", loss, step)
        pace = (step - first) * settings.batch_size / max(time.monotonic() - began, 1e-9)
        said = f"training, {pace:,.0f} {metric.samples}/s" if step > first else "training"
        context.progress(point, step, total, said, Phase.TRAINING)

    def validate(step: int) -> float:
        found = bench.score(model, bench.validation)
        context.metric(point, metric.validation, found.value, step)
        context.metric(point, "validation_loss", found.loss, step)
        return metric.goodness(found.value)

    return train(
        model,
        bench.train,
        bench.task.objective,
        settings,
        device=context.device,
        teacher=teacher,
        on_step=on_step,
        before_step=before_step,
        validate=validate if validated else None,
        checkpoints=Checkpoints(context, point, checkpoint_seconds),
    )


def train_together(bench: Workbench, models: "Sequence[Student]", settings: "TrainSettings") -> None:
    """Trains the model of each point, at once all that differ in values alone, and have one teacher.

    Records the losses of each. A point that was killed goes on from its last checkpoint, with those that stand there;
    one that breaks down fails alone.
    """
    from engine.compress import stacking_key
    from engine.compress.key_values import cache_of
    from engine.training.forward import NotFiniteError

    alike: dict[object, list[Student]] = {}
    context = bench.context
    for student in models:
        point, model, teacher = student
        key = stacking_key(model), str(cache_of(model)), id(teacher and teacher.model), context.kept_step(point.index)
        alike.setdefault(key, []).append(student)
    for some in alike.values():
        if len(some) >= STACKED_FROM and _can_stack(bench, [model for _, model, _ in some]):
            with bench.context.failing([point.index for point, *_ in some], NotFiniteError):
                _train_variants(bench, some, settings)
            continue
        for point, model, teacher in some:
            bench.turn_to(point)
            with bench.context.failing((point.index,), NotFiniteError):
                train_point(bench, model, settings, point.index, teacher=teacher)


def _can_stack(bench: Workbench, models: "Sequence[nn.Module]") -> bool:
    from engine.training.samples import sampled
    from engine.training.variants import can_stack

    few = sampled(bench.train, 2, bench.config.seed).to(bench.context.device)
    (batch,) = few.batches(len(few))
    return can_stack(models, batch.inputs)


def _train_variants(bench: Workbench, models: "Sequence[Student]", settings: "TrainSettings") -> None:
    from engine.training.train import train
    from engine.training.variants import CheckpointEach, Variants

    context, indices = bench.context, [point.index for point, *_ in models]
    together = f"training, {len(models)} points at once"

    def on_step(step: int, total: int, *losses: float) -> None:
        for index, loss in zip(indices, losses, strict=True):
            context.metric(index, "loss", loss, step)
            context.progress(index, step, total, together, Phase.TRAINING)

    train(
        Variants([model for _, model, _ in models]),
        bench.train,
        bench.task.objective,
        settings,
        device=context.device,
        teacher=models[0][2],
        on_step=on_step,
        checkpoints=CheckpointEach(context, indices, CHECKPOINT_SECONDS),
    )
