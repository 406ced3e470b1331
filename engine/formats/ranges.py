"""How formats with one scale for a whole tensor find it: from a range of values, or by the error that it leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.formats.base import Format
from engine.formats.lazy import torch
from engine.formats.spec import SCALE, float32

if TYPE_CHECKING:
    from torch import Tensor

_STEPS, _OCTAVES = 8, 4  # scales tried, per factor of two and factors of two


@dataclass
class RangeFitter:
    """Keeps the least and the largest finite value seen, zero among them; `settle` makes the format of the two."""

    settle: Callable[[float, float], Format]
    low: float = field(default=0.0, init=False)
    high: float = field(default=0.0, init=False)

    def observe(self, x: Tensor) -> None:
        """Takes one more tensor into account."""
        x = x.detach().float()
        if x.numel():
            low, high = torch.where(x.isfinite(), x, 0.0).aminmax()
            self.low, self.high = min(self.low, float(low)), max(self.high, float(high))

    def result(self) -> Format:
        """The format for this range."""
        return self.settle(self.low, self.high)


class LeastError:
    """Sums the squared error of each candidate; of equal ones the first is taken."""

    def __init__(self, candidates: Sequence[Format]) -> None:
        self._candidates = candidates
        self._errors = [0.0] * len(candidates)

    def observe(self, x: Tensor) -> None:
        """Adds a tensor's squared errors; values that are not finite count nowhere."""
        x = x.detach().float()
        finite = x.isfinite()
        for place, candidate in enumerate(self._candidates):
            missed = torch.where(finite, candidate.quantize(x) - x, 0.0)
            self._errors[place] += float(torch.linalg.vector_norm(missed, dtype=torch.float64)) ** 2

    def result(self) -> Format:
        """The best candidate."""
        return self._candidates[min(range(len(self._errors)), key=self._errors.__getitem__)]


def shrunk(scale: float) -> list[float]:
    """A scale and smaller ones down to a sixteenth of it, eight for each factor of two."""
    shares = (2 ** (-step / _STEPS) for step in range(_STEPS * _OCTAVES + 1))
    return [max(float32(scale * share), SCALE.low) for share in shares]


def settled_scale(amount: float, top: float) -> float:
    """The float32 `amount / top` within the bounds of a scale; 1 where there is nothing but zeros."""
    return min(max(float32(float32(amount) / top), SCALE.low), SCALE.high) if amount else 1.0
