"""Blocks along the last dimension, and what their scales have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.formats.base import Format
from engine.formats.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


INFINITY = 0x7F800000
"""The bits of float32's infinity; NaN lies above."""


def split(x: Tensor, block: int) -> Tensor:
    """`x` of any rank as `[..., blocks, block]`, the last block filled up with zeros; no block is longer than a row."""
    x = x.reshape(1) if x.dim() == 0 else x
    block = min(block, max(1, x.shape[-1]))
    missing = -x.shape[-1] % block
    filled = torch.nn.functional.pad(x, (0, missing)) if missing else x
    return filled.reshape(*filled.shape[:-1], -1, block)


def join(blocks: Tensor, shape: torch.Size | tuple[int, ...]) -> Tensor:
    """The tensor of `shape` that was split."""
    columns = shape[-1] if shape else 1
    return blocks.flatten(-2)[..., :columns].reshape(shape)


def peak_bits(blocks: Tensor) -> Tensor:
    """Bits (int32) of each block's largest magnitude, `[..., blocks, 1]`; NaN counts as more than infinity."""
    return blocks.abs().view(torch.int32).amax(-1, keepdim=True)


def run(kernel: Callable[..., None], tensors: tuple[Tensor, ...], block: int, *scalars: Any) -> Tensor:
    """What a kernel writes from CPU tensors of one shape, each given to it as `[blocks, block]`."""
    from engine.formats.kernels.launch import apply

    blocks = tuple(split(tensor, block) for tensor in tensors)
    return join(apply(kernel, blocks, *scalars, columns=blocks[0].shape[-1]), tensors[0].shape)


class Blockwise(Format):
    """Codes of `code_bits` bits, and a byte for each `block` of them along the last dimension."""

    shares_scale = True
    block: int
    code_bits: int

    @property
    def bits_per_element(self) -> float:
        """An element's code and its share of the block's 8-bit scale."""
        return self.code_bits + 8 / self.block

    def sharing(self, index: int, length: int) -> tuple[int, int]:
        """The element's block."""
        start = index - index % self.block
        return start, min(start + self.block, length)

    @property
    def _code_bits(self) -> float:
        return self.code_bits

    def _scale_bytes(self, rows: int, columns: int) -> int:
        return rows * -(-columns // self.block)
