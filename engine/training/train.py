"""Training a model: warm-up and decay, batches by length, validations on the way, the same for a seed."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import torch
from torch import Tensor, nn

from engine.errors import InputError
from engine.training.forward import NotFiniteError, backward, logits_of, where_it_began
from engine.training.objective import Objective
from engine.training.samples import Batch, Samples, count_batches
from engine.training.state import Keeper, State
from engine.training.teacher import Teacher
from engine.training.variants import Variants, clip_each

OnStep = Callable[..., None]
Schedule = Literal["linear", "cosine", "constant"]
Optimizer = Literal["adamw", "sgd"]
MOMENTUM = 0.9


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How to train. Exactly one of `steps` and `epochs` is set; `warmup` is the share of steps that warms up.

    Weight decay spares biases and the parameters of norms. `bf16` computes the forward pass in bfloat16 where that is
    safe (autocast), with parameters and gradients in float32. A training that validates does so every `eval_steps`
    (and at its end) and stops after `patience` validations in a row without a better one; None never stops.
    """

    steps: int | None = None
    epochs: float | None = None
    batch_size: int = 32
    learning_rate: float = 5e-5
    weight_decay: float = 0.01
    warmup: float = 0.1
    max_gradient_norm: float = 1.0
    seed: int = 0
    bf16: bool = False
    optimizer: Optimizer = "adamw"
    schedule: Schedule = "linear"
    eval_steps: int | None = None
    patience: int | None = None

    def total_steps(self, samples: int) -> int:
        """Optimiser steps on that many samples.

        Raises:
            ValueError: neither or both of steps and epochs are set.
        """
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("set either steps or epochs")
        if self.steps is not None:
            return self.steps
        return max(1, round(float(self.epochs or 0) * count_batches(samples, self.batch_size)))


@dataclass(frozen=True, slots=True)
class Trained:
    """`steps` were made of which `best_step` validated best (the last one without validations).

    `samples_per_second` is measured over the steps themselves, validations and checkpoints left out.
    """

    steps: int
    best_step: int
    best_score: float | None
    samples_per_second: float


def train(
    model: nn.Module,
    samples: Samples,
    objective: Objective,
    settings: TrainSettings,
    *,
    device: str | torch.device,
    teacher: Teacher | None = None,
    on_step: OnStep | None = None,
    before_step: Callable[[int], None] | None = None,
    validate: Callable[[int], float] | None = None,
    checkpoints: Keeper | None = None,
) -> Trained:
    """Train the model in place and leave it in evaluation mode, with the weights that validated best.

    The loss is the objective's, or with a `teacher` that of `Teacher.losses`.

    `on_step(step, total, loss)` counts steps from 1, and on a GPU comes for several steps together;
    `before_step(done)` comes before each, with the number of steps made. Of `Variants` the models get their weights at
    the end, and `on_step` a loss of each, one after the other. `validate(step)` gives what to judge by: more is
    better. With `checkpoints` a training that was killed goes on from the last one and ends with the same numbers. The
    order of the data and dropout follow `settings.seed` alone; the caller's random state is left as it was.

    Raises:
        InputError: `bf16` on a device without it, a checkpoint of another model, or a model that is not trained so.
        NotFiniteError: the loss has become NaN or infinite.
        ForwardError: the model's own code raised.
    """
    device = torch.device(device)
    if settings.bf16 and not has_bf16(device):
        raise InputError(f"{device} does not compute in bfloat16: train in float32 there.")
    _check_trainable(model)
    total = settings.total_steps(len(samples))
    model.to(device).train()
    variants = isinstance(model, Variants)
    state = State(model.stacked if isinstance(model, Variants) else model, _optimizer(model, settings))
    parameters = [parameter for group in state.optimizer.param_groups for parameter in group["params"]]
    factor = rate(settings.schedule, total, round(settings.warmup * total))
    trained, seconds, made = 0, 0.0, 0
    at_once, unread = losses_at_once(device), list[Tensor]()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(settings.seed)
        if checkpoints is not None:
            checkpoints.resume(state)
        for batch in _endless(samples.to(device), settings, state.step, total):
            if _gave_up(state, settings):
                break
            began = time.perf_counter()
            if before_step is not None:
                before_step(state.step)
            for group in state.optimizer.param_groups:
                group["lr"] = settings.learning_rate * factor(state.step)
            losses = _backward(model, batch, samples.at_once, objective, teacher, settings)
            unread.append(losses)
            keeping, read = checkpoints is not None and checkpoints.due, list[list[float]]()
            if len(unread) == at_once or keeping or _is_due(state.step + 1, total, settings):
                read, unread = torch.stack(unread).tolist(), []
                _check_losses(read, model, batch, state.step + 1, settings)
            if variants:
                clip_each(parameters, settings.max_gradient_norm)
            else:
                nn.utils.clip_grad_norm_(parameters, settings.max_gradient_norm, foreach=True)
            state.optimizer.step()
            state.optimizer.zero_grad(set_to_none=True)
            state.step += 1
            trained += losses.numel() * len(batch.labels)
            made, seconds = made + 1, seconds + time.perf_counter() - began
            if on_step is not None:
                for step, values in enumerate(read, state.step - len(read) + 1):
                    on_step(step, total, *values)
            if validate is not None and _is_due(state.step, total, settings):
                state.judge(validate(state.step))
            if checkpoints is not None and keeping:
                checkpoints.keep(state)
    state.take_best()
    model.eval()
    if isinstance(model, Variants):
        model.hand_back()
    best_step = state.best_step if state.best else state.step
    return Trained(state.step, best_step, state.best_score, trained / seconds if made else 0.0)


def _backward(
    model: nn.Module,
    batch: Batch,
    at_once: int | None,
    objective: Objective,
    teacher: Teacher | None,
    settings: TrainSettings,
) -> Tensor:
    """Adds the gradients of a batch up, part by part where it does not fit at once; the loss of each model."""
    losses: list[Tensor] = []
    for part in batch.parts(at_once):
        with torch.autocast(part.labels.device.type, torch.bfloat16, enabled=settings.bf16):
            taught = None if teacher is None else teacher.logits(part.inputs)
            logits = logits_of(model, part.inputs)
        if teacher is None or taught is None:
            loss = objective.losses(logits.float(), part.labels)
        else:
            loss = teacher.losses(objective, logits.float(), taught, part.labels)
        if len(part.labels) < len(batch.labels):
            loss = loss * (len(part.labels) / len(batch.labels))
        backward(loss.sum())
        losses.append(loss.detach())
    return losses[0] if len(losses) == 1 else torch.stack(losses).sum(0)


def losses_at_once(device: torch.device) -> int:
    """Steps whose losses are read together: each read makes the host wait until a GPU has nothing left to do."""
    return 1 if device.type == "cpu" else 16


def _check_losses(
    read: list[list[float]], model: nn.Module, batch: Batch, newest: int, settings: TrainSettings
) -> None:
    """Raises NotFiniteError for the first step whose losses are no numbers, all of them: of variants some may go on.

    Where it began is known of the newest step alone, whose batch is `batch`: earlier ones have spoilt the weights.
    """
    for step, values in enumerate(read, newest - len(read) + 1):
        if not any(map(math.isfinite, values)):
            raise NotFiniteError(_broke_down(model, batch if step == newest else None, step, settings))


def _broke_down(model: nn.Module, batch: Batch | None, step: int, settings: TrainSettings) -> str:
    """The sentence for a training whose loss is no number any more, from this batch on."""
    where = ""
    if batch is not None and not isinstance(model, Variants):
        where = f": {where_it_began(model, batch.inputs)}"
    rate = f"lower the learning rate ({settings.learning_rate:g})"
    return f"training broke down at step {step:,}, where the loss is not finite{where}; {rate}."


def has_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16 products."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def rate(schedule: Schedule, total: int, warmup: int) -> Callable[[int], float]:
    """The share of the learning rate at each step: up to 1 over `warmup` steps, then down to 0 at `total`.

    Down along a line or half a cosine wave, or not at all.
    """

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        left = max(0.0, (total - step) / max(1, total - warmup))
        if schedule == "cosine":
            return 0.5 * (1 - math.cos(math.pi * left))
        return left if schedule == "linear" else 1.0

    return factor


def _optimizer(model: nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    groups = _groups(model, settings.weight_decay)
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=MOMENTUM, fused=True)
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    vector = 2 if isinstance(model, Variants) else 1  # dimensions
    return [
        {"params": [parameter for parameter in trained if parameter.ndim > vector], "weight_decay": weight_decay},
        {"params": [parameter for parameter in trained if parameter.ndim <= vector], "weight_decay": 0.0},
    ]


def _is_due(step: int, total: int, settings: TrainSettings) -> bool:
    return step == total or (settings.eval_steps is not None and step % settings.eval_steps == 0)


def _gave_up(state: State, settings: TrainSettings) -> bool:
    return settings.patience is not None and state.worse >= settings.patience


def _check_trainable(model: nn.Module) -> None:
    """Raises InputError for a model whose own code trains on texts of one length alone."""
    config: Any = getattr(model, "config", None)
    if getattr(config, "model_type", None) == "reformer":
        length = math.prod(config.axial_pos_shape) if config.axial_pos_embds else config.lsh_attn_chunk_length
        raise InputError(
            f"{type(model).__name__} trains only on texts of {length:,} tokens each, by its config, and texts have "
            "lengths of their own; use it without training."
        )


def _endless(samples: Samples, settings: TrainSettings, done: int, total: int) -> Iterator[Batch]:
    """The batches after the first `done` of `total`, epoch after epoch, each epoch in an order of its own."""
    epoch, skipped = divmod(done, count_batches(len(samples), settings.batch_size))
    while done < total:
        shuffled = samples.batches(settings.batch_size, shuffle_seed=settings.seed * 10_007 + epoch)
        for batch in islice(shuffled, skipped, skipped + total - done):
            yield batch
            done += 1
        epoch, skipped = epoch + 1, 0
