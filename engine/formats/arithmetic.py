"""Operations with a number or a tensor in its place, which give the same bits on every device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.formats.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


def quotient(x: Tensor, by: float | Tensor) -> Tensor:
    """`x / by`, rounded once: by a number, torch multiplies with its reciprocal on CUDA, and is a bit off now and then.

    A tensor without dimensions that lies on the CPU counts as a number there too.
    """
    if isinstance(by, torch.Tensor):
        return x / by.to(x.device)
    return x / torch.full((), by, dtype=x.dtype, device=x.device)


def clamped(x: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """`x` from `low` to `high`, both numbers or both tensors; NaN stays."""
    return x.clamp(low, high)  # type: ignore[arg-type]  # torch's overloads know no unions
