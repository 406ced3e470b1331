"""LoRA inside a number format: what is rounded in each step is the sum of a frozen weight and a product of low rank.

An adapter beside a quantised layer would learn what rounding takes away again when the two are merged. Here training
sees the sum rounded, as QAT does, and merging changes nothing.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from engine.compress.layers import Quantized


class LowRank(nn.Module):
    """`weight + scale · (up @ down)` with `down` `[rank, columns]` and `up` `[rows, rank]`, which begins as zero.

    Rows are the weight's first dimension; the other ones are its columns.
    """

    def __init__(self, weight: Tensor, rank: int, scale: float) -> None:
        super().__init__()
        rows, columns = len(weight), weight[0].numel()
        self.scale = scale
        self.down = nn.Parameter(torch.empty(rank, columns, device=weight.device))
        self.up = nn.Parameter(torch.zeros(rows, rank, device=weight.device))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))  # as Hu et al. begin, and linear layers themselves

    def forward(self, weight: Tensor) -> Tensor:
        """The sum."""
        return weight + self.scale * (self.up @ self.down).view_as(weight)


def add_low_rank(layer: Quantized, rank: int, scale: float) -> None:
    """Lays an adapter under the layer's format and under its mask, in place."""
    adapter = LowRank(layer.weight, rank, scale)
    if parametrize.is_parametrized(layer, "weight"):
        _laid(layer).insert(0, adapter)
    else:
        parametrize.register_parametrization(layer, "weight", adapter)


def merge_low_rank(layer: Quantized) -> None:
    """Adds what an adapter learned to the weight, in place, and takes it away; without one nothing is done."""
    if not parametrize.is_parametrized(layer, "weight"):
        return
    laid = _laid(layer)
    if not isinstance(adapter := laid[0], LowRank):
        return
    with torch.no_grad():
        laid.original.copy_(adapter(laid.original))
    if len(laid) > 1:
        del laid[0]
    else:
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)


def _laid(layer: Quantized) -> Any:
    """What lies over the weight, the first of them directly; `original` is the weight itself."""
    return layer.get_submodule("parametrizations.weight")
