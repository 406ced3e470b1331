"""Signal-to-quantisation-noise ratio: 10·log10(Σx² / Σ(x − q)²), in dB; infinite where nothing was lost."""

import math

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
        if self._signal == 0:
            return None
        return 10 * math.log10(self._signal / self._noise) if self._noise else math.inf


def _energy(x: Tensor) -> float:
    return float(torch.linalg.vector_norm(x, dtype=torch.float64)) ** 2
