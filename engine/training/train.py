"""Training a classifier: AdamW, linear warm-up and decay, batches by length, the same for a seed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from engine.errors import InputError
from engine.training.tokens import Batch, Tokens, batches, count_batches

OnStep = Callable[[int, int, float], None]


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How to train. Exactly one of `steps` and `epochs` is set; `warmup` is the share of steps that warms up.

    Weight decay spares biases and the parameters of norms. `bf16` computes the forward pass in bfloat16 where that is
    safe (autocast), with parameters and gradients in float32.
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


def train(
    model: nn.Module,
    tokens: Tokens,
    settings: TrainSettings,
    *,
    device: str | torch.device,
    pad_id: int,
    on_step: OnStep | None = None,
) -> None:
    """Train the model in place and leave it in evaluation mode. `on_step(step, total, loss)` counts steps from 1.

    The order of the data and dropout follow `settings.seed` alone; the caller's random state is left as it was.

    Raises:
        InputError: `bf16` on a device without it.
    """
    device = torch.device(device)
    if settings.bf16 and not has_bf16(device):
        raise InputError(f"{device} does not compute in bfloat16: train in float32 there.")
    total = settings.total_steps(len(tokens))
    model.to(device).train()
    optimizer = AdamW(_groups(model, settings.weight_decay), lr=settings.learning_rate, fused=True)
    schedule = LambdaLR(optimizer, _linear(total, round(settings.warmup * total)))
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(settings.seed)
        for step, batch in enumerate(_endless(tokens.to(device), settings, pad_id, total), start=1):
            with torch.autocast(device.type, torch.bfloat16, enabled=settings.bf16):
                logits: Tensor = model(**batch.inputs).logits
            loss = functional.cross_entropy(logits.float(), batch.labels)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(parameters, settings.max_gradient_norm, foreach=True)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            if on_step is not None:
                on_step(step, total, float(loss.detach()))
    model.eval()


def has_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16 products."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [parameter for parameter in trained if parameter.ndim > 1], "weight_decay": weight_decay},
        {"params": [parameter for parameter in trained if parameter.ndim <= 1], "weight_decay": 0.0},
    ]


def _linear(total: int, warmup: int) -> Callable[[int], float]:
    """The share of the learning rate at each step: up to 1 over `warmup` steps, then down to 0 at `total`."""

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return max(0.0, (total - step) / max(1, total - warmup))

    return factor


def _endless(tokens: Tokens, settings: TrainSettings, pad_id: int, total: int) -> Iterator[Batch]:
    """`total` batches, epoch after epoch, each epoch in an order of its own."""
    step = epoch = 0
    while step < total:
        for batch in batches(tokens, settings.batch_size, pad_id=pad_id, shuffle_seed=settings.seed * 10_007 + epoch):
            yield batch
            step += 1
            if step == total:
                return
        epoch += 1
