"""Blocks along the last dimension, and what their scales have in common."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from engine.formats.kernels.launch import apply

INFINITY = 0x7F800000
"""The bits of float32's infinity; NaN lies above."""


def split(x: Tensor, block: int) -> Tensor:
    """`x` of any rank as `[..., blocks, block]`, the last block filled up with zeros; no block is longer than a row."""
    x = x.reshape(1) if x.dim() == 0 else x
    block = min(block, max(1, x.shape[-1]))
    missing = -x.shape[-1] % block
    filled = functional.pad(x, (0, missing)) if missing else x
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
    blocks = tuple(split(tensor, block) for tensor in tensors)
    return join(apply(kernel, blocks, *scalars, columns=blocks[0].shape[-1]), tensors[0].shape)
