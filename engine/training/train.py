"""Training a classifier: warm-up and decay, batches by length, validations on the way, the same for a seed."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.errors import InputError
from engine.training.state import Keeper, State
from engine.training.tokens import Batch, Tokens, batches, count_batches
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

    `texts_per_second` is measured over the steps themselves, validations and checkpoints left out.
    """

    steps: int
    best_step: int
    best_accuracy: float | None
    texts_per_second: float


def train(
    model: nn.Module,
    tokens: Tokens,
    settings: TrainSettings,
    *,
    device: str | torch.device,
    pad_id: int,
    on_step: OnStep | None = None,
    before_step: Callable[[int], None] | None = None,
    validate: Callable[[int], float] | None = None,
    checkpoints: Keeper | None = None,
) -> Trained:
    """Train the model in place and leave it in evaluation mode, with the weights that validated best.

    `on_step(step, total, loss)` counts steps from 1; `before_step(done)` comes before each, with the number of steps
    made. Of `Variants` the models get their weights at the end, and `on_step` a loss of each, one after the other.
    `validate(step)` gives the accuracy to judge by. With `checkpoints` a training that was killed goes on from
    the last one and ends with the same numbers. The order of the data and dropout follow `settings.seed` alone; the
    caller's random state is left as it was.

    Raises:
        InputError: `bf16` on a device without it, or a checkpoint of another model.
    """
    device = torch.device(device)
    if settings.bf16 and not has_bf16(device):
        raise InputError(f"{device} does not compute in bfloat16: train in float32 there.")
    total = settings.total_steps(len(tokens))
    model.to(device).train()
    variants = isinstance(model, Variants)
    state = State(model.stacked if isinstance(model, Variants) else model, _optimizer(model, settings))
    parameters = [parameter for group in state.optimizer.param_groups for parameter in group["params"]]
    factor = rate(settings.schedule, total, round(settings.warmup * total))
    texts, seconds, made = 0, 0.0, 0
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(settings.seed)
        if checkpoints is not None:
            checkpoints.resume(state)
        for batch in _endless(tokens.to(device), settings, pad_id, state.step, total):
            if _gave_up(state, settings):
                break
            began = time.perf_counter()
            if before_step is not None:
                before_step(state.step)
            for group in state.optimizer.param_groups:
                group["lr"] = settings.learning_rate * factor(state.step)
            with torch.autocast(device.type, torch.bfloat16, enabled=settings.bf16):
                logits: Tensor = model(**batch.inputs).logits
            losses = _losses(logits.float(), batch.labels)
            losses.sum().backward()  # type: ignore[no-untyped-call]
            if variants:
                clip_each(parameters, settings.max_gradient_norm)
            else:
                nn.utils.clip_grad_norm_(parameters, settings.max_gradient_norm, foreach=True)
            state.optimizer.step()
            state.optimizer.zero_grad(set_to_none=True)
            state.step += 1
            values = losses.tolist()
            trained = len(values) * len(batch.labels)
            made, texts, seconds = made + 1, texts + trained, seconds + time.perf_counter() - began
            if on_step is not None:
                on_step(state.step, total, *values)
            if validate is not None and _is_due(state.step, total, settings):
                state.judge(validate(state.step))
            if checkpoints is not None:
                checkpoints.keep(state)
    state.take_best()
    model.eval()
    if isinstance(model, Variants):
        model.hand_back()
    best_step = state.best_step if state.best else state.step
    return Trained(state.step, best_step, state.best_accuracy, texts / seconds if made else 0.0)


def _losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of each model: `[1]` for logits `[batch, classes]`, `[variants]` for those of variants."""
    if logits.ndim == 2:
        return functional.cross_entropy(logits, labels)[None]
    each = labels[:, None].expand(-1, len(logits))
    return functional.cross_entropy(logits.permute(1, 2, 0), each, reduction="none").mean(0)


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


def _endless(tokens: Tokens, settings: TrainSettings, pad_id: int, done: int, total: int) -> Iterator[Batch]:
    """The batches after the first `done` of `total`, epoch after epoch, each epoch in an order of its own."""
    epoch, skipped = divmod(done, count_batches(len(tokens), settings.batch_size))
    while done < total:
        shuffled = batches(tokens, settings.batch_size, pad_id=pad_id, shuffle_seed=settings.seed * 10_007 + epoch)
        for batch in islice(shuffled, skipped, skipped + total - done):
            yield batch
            done += 1
        epoch, skipped = epoch + 1, 0
