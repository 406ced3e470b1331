"""Signal-to-quantisation-noise ratio: 10·log10(Σx² / Σ(x − q)²), in dB; infinite where nothing was lost."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.formats import Format


class NoiseMeter:
    """The SQNR of a format over several tensors."""

    def __init__(self, number_format: Format) -> None:
        self._format = number_format
        self._signal = self._noise = 0.0

    def observe(self, x: Tensor) -> None:
        """Takes one more tensor into account."""
        x = x.detach().float()
        self._signal += _energy(x)
        self._noise += _energy(self._format.quantize(x) - x)

    @property
    def sqnr(self) -> float | None:
        """In dB; None where nothing was seen, or zeros alone."""
        return _ratio(self._signal, self._noise)


@dataclass(frozen=True, slots=True)
class Noise:
    """What a format does to a tensor: SQNR (None for zeros alone), shares (0 to 1) of zeros and of saturated values.

    `zeros` counts what became zero or was. `largest_error` is the largest |x − q|.
    """

    sqnr_db: float | None
    zeros: float
    saturated: float
    largest_error: float


def noise(number_format: Format, x: Tensor, quantized: Tensor | None = None) -> Noise:
    """What quantising `x`, which is not empty, costs; `quantized` is what it becomes, where that is known already."""
    x = x.detach().float()
    q = number_format.quantize(x) if quantized is None else quantized
    zeros = 1 - int(q.count_nonzero()) / q.numel()
    saturated = int(number_format.saturated(x).count_nonzero()) / x.numel()
    error = q - x
    low, high = error.aminmax()
    return Noise(_ratio(_energy(x), _energy(error)), zeros, saturated, max(-float(low), float(high)))


def _ratio(signal: float, lost: float) -> float | None:
    if signal == 0:
        return None
    return 10 * math.log10(signal / lost) if lost else math.inf


def _energy(x: Tensor) -> float:
    return float(torch.linalg.vector_norm(x, dtype=torch.float64)) ** 2
