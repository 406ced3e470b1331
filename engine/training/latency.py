"""How long a model takes for one batch."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median, quantiles

import torch
from torch import Tensor, nn

from engine.training.forward import evaluating, forward
from engine.training.samples import Samples
from engine.training.spread import settle

WARM_UP, REPEATS = 5, 30


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds for one forward pass: the median, and the quartiles of `REPEATS` of them."""

    median: float
    low: float
    high: float


def latency(model: nn.Module, samples: Samples, *, batch_size: int, device: str | torch.device) -> Latency:
    """Time the largest batch of these samples, in evaluation mode, after some passes that are not counted."""
    batch = next(samples.to(device).batches(batch_size))
    settle(model, device)
    taken = forward_seconds(model, batch.inputs, device, WARM_UP + REPEATS)[WARM_UP:]
    low, _, high = quantiles(taken, n=4)
    return Latency(median(taken), low, high)


def forward_seconds(
    model: nn.Module, inputs: Mapping[str, Tensor], device: str | torch.device, times: int
) -> list[float]:
    """How long a model on its device takes for these inputs, in evaluation mode, time after time.

    Raises ForwardError like `forward`.
    """
    cuda, taken = torch.device(device).type == "cuda", list[float]()
    with evaluating(model):
        for _ in range(times):
            if cuda:
                torch.cuda.synchronize(device)
            began = time.perf_counter()
            forward(model, inputs)
            if cuda:
                torch.cuda.synchronize(device)
            taken.append(time.perf_counter() - began)
    return taken
