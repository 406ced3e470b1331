"""The range of a tensor, or of several, from which formats with one scale for all of it are settled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.formats.base import Format
from engine.formats.lazy import torch
from engine.formats.spec import SCALE, float32

if TYPE_CHECKING:
    from torch import Tensor


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


def settled_scale(amount: float, top: float) -> float:
    """The float32 `amount / top` within the bounds of a scale; 1 where there is nothing but zeros."""
    return min(max(float32(amount / top), SCALE.low), SCALE.high) if amount else 1.0
