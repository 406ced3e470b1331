"""How long a model takes for one batch."""

import time
from dataclasses import dataclass
from statistics import median, quantiles

import torch
from torch import nn

from engine.training.forward import forward
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
    cuda = torch.device(device).type == "cuda"
    was_training, taken = model.training, list[float]()
    settle(model, device)
    model.eval()
    try:
        with torch.inference_mode():
            for _ in range(WARM_UP + REPEATS):
                if cuda:
                    torch.cuda.synchronize(device)
                began = time.perf_counter()
                forward(model, batch.inputs)
                if cuda:
                    torch.cuda.synchronize(device)
                taken.append(time.perf_counter() - began)
    finally:
        model.train(was_training)
    low, _, high = quantiles(taken[WARM_UP:], n=4)
    return Latency(median(taken[WARM_UP:]), low, high)
