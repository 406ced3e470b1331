"""Which tensors the fused kernels can take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.formats.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


def ordinary(*tensors: Tensor) -> bool:
    """Whether all are tensors as such: not seen through vmap or grad, not traced, compiled or exported."""
    if torch.compiler.is_compiling():
        return False
    return all(type(x) in (torch.Tensor, torch.nn.Parameter) for x in tensors) and not mapped(*tensors)


def mapped(*tensors: Tensor) -> bool:
    """Whether one is seen through vmap or grad. In a program that is being compiled or exported none is."""
    if torch.compiler.is_compiling():
        return False
    return any(torch._C._functorch.is_functorch_wrapped_tensor(x) for x in tensors)


def fused(*tensors: Tensor) -> bool:
    """Whether the kernels can take them: ordinary and on the CPU.

    Everything else (CUDA, vmap, torch.export) takes the composed definition, which gives the same bits.
    """
    return all(x.device.type == "cpu" for x in tensors) and ordinary(*tensors)
