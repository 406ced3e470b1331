"""Signal-to-quantisation-noise ratio: 10·log10(Σx² / Σ(x − q)²), in dB; infinite where nothing was lost."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.compress.returning import returning_memory
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


@returning_memory()
def noise(number_format: Format, x: Tensor, quantized: Tensor | None = None) -> Noise:
    """What quantising `x`, which is not empty, costs; `quantized` is what it becomes, where that is known already."""
    number_format, x = number_format.fit(x), x.detach().float()
    parts = number_format.parts_of(x)
    known = (None,) * len(parts) if quantized is None else torch.split(quantized, [len(part) for part in parts])
    signal = lost = largest = 0.0
    kept = saturated = 0
    for part, values in zip(parts, known, strict=True):
        q = number_format.quantize(part) if values is None else values
        kept += int(q.count_nonzero())
        saturated += int(number_format.saturated(part).count_nonzero())
        error = q - part
        signal, lost = signal + _energy(part), lost + _energy(error)
        low, high = error.aminmax()
        largest = max(largest, -float(low), float(high))
    return Noise(_ratio(signal, lost), 1 - kept / x.numel(), saturated / x.numel(), largest)


def _ratio(signal: float, lost: float) -> float | None:
    if signal == 0:
        return None
    return 10 * math.log10(signal / lost) if lost else math.inf


def _energy(x: Tensor) -> float:
    return float(torch.linalg.vector_norm(x, dtype=torch.float64)) ** 2
