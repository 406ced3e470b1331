"""The straight-through gradient (Bengio et al. 2013), cut where a format saturates."""

from typing import Any

import torch
from torch import Tensor

from engine.formats.base import Format


class StraightThrough(torch.autograd.Function):
    """Quantised values forward, the gradient of the identity (cut where the format saturates) backward."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, number_format: Format, clip: bool, *tensors: Tensor) -> Tensor:
        """Values of `x`; `tensors` are the format's scalars that are tensors."""
        return number_format.with_scalars(*tensors).quantize(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keeps what `backward` needs."""
        x, ctx.format, clip, *tensors = inputs
        ctx.count = len(tensors)
        ctx.save_for_backward(*((x, *tensors) if clip else ()))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient for `x`, and none for the rest."""
        if saved := ctx.saved_tensors:
            x, *tensors = saved
            gradient = ctx.format.with_scalars(*tensors)._gradient(x, gradient)
        return gradient, None, None, *[None] * ctx.count
