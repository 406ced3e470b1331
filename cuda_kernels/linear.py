"""A linear layer whose weight stays packed.

One row of activations goes through a fused kernel that reads the packed weight: 8.25 bits each in groups of 32, about
half of what bfloat16 moves. More rows amortise a decoded copy: the weight is dequantised and multiplied by torch.
"""

from threading import local
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from cuda_kernels.api import DTYPES, backend, check_group, dequantize, dequantize_op, groups_in, quantize


class MXInt8Linear(nn.Module):
    """`x @ weight.T + bias`, the weight as `mantissa` int8 `[out, in]` and `scale` uint8 `[out, ceil(in / group)]`.

    The result has x's dtype (bfloat16, float16 or float32), and so has the weight that x is multiplied by. One row is
    summed in float32 before its groups are scaled, so numbers beyond 2**115 overflow there. The gradient reaches x and
    the bias; the weight is frozen. torch.compile sees one operator, `labtui::mxint8_linear`.
    """

    mantissa: Tensor
    scale: Tensor

    def __init__(self, mantissa: Tensor, scale: Tensor, bias: nn.Parameter | None = None, group: int = 32) -> None:
        super().__init__()
        check_group(group)
        if mantissa.dim() != 2 or scale.shape != (len(mantissa), groups_in(mantissa.shape[1], group)):
            raise ValueError(
                f"mantissa {list(mantissa.shape)} and scale {list(scale.shape)} do not fit: they must be [out, in] and "
                f"[out, ceil(in / {group})]"
            )
        self.group = group
        self.out_features, self.in_features = mantissa.shape
        self.register_buffer("mantissa", mantissa)
        self.register_buffer("scale", scale)
        self.register_parameter("bias", bias)

    @classmethod
    def from_linear(cls, linear: nn.Linear, group: int = 32) -> "MXInt8Linear":
        """The layer packed. The bias is shared with it, not copied. TypeError for a float64 weight."""
        mantissa, scale = quantize(linear.weight.detach(), group)
        return cls(mantissa, scale, linear.bias, group)

    @property
    def packed_bytes(self) -> int:
        """Bytes of mantissas and scales together."""
        return self.mantissa.nbytes + self.scale.nbytes

    def dequantized(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """The weight `[out, in]` that x is multiplied by."""
        return dequantize(self.mantissa, self.scale, self.group, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """`[..., in]` to `[..., out]`."""
        bias = None if self.bias is None else self.bias.to(x.dtype)
        result: Tensor = _linear(x, self.mantissa, self.scale, bias, self.group)
        return result

    def extra_repr(self) -> str:
        """What print shows."""
        return f"in_features={self.in_features}, out_features={self.out_features}, group={self.group}"


def _forward(x: Tensor, mantissa: Tensor, scale: Tensor, bias: Tensor | None, group: int) -> Tensor:
    if x.dtype not in DTYPES:
        raise TypeError(f"x is {str(x.dtype).removeprefix('torch.')}: it must be bfloat16, float16 or float32")
    if x.dim() == 0 or x.shape[-1] != mantissa.shape[1]:
        raise ValueError(f"x is {list(x.shape)}: its last dimension must be in_features, {mantissa.shape[1]}")
    if x.device != mantissa.device:
        raise ValueError(f"x is on {x.device} and the packed weight on {mantissa.device}: move one of them")
    if x.numel() == x.shape[-1] > 0:
        row = x.reshape(-1).float().contiguous()
        if _one_row_fits(row, mantissa, scale, group):
            out = torch.empty(len(mantissa), dtype=torch.float32, device=x.device)
            backend(x.device).linear_row(row, mantissa, scale, out, group)
            out = out if bias is None else out + bias
            return out.to(x.dtype).reshape(*x.shape[:-1], len(mantissa))
    weight = _scratch(x, mantissa)
    dequantize(mantissa, scale, group, x.dtype, out=weight)
    return functional.linear(x, weight, bias)


def _one_row_fits(row: Tensor, mantissa: Tensor, scale: Tensor, group: int) -> bool:
    if mantissa.shape[1] % group or not (len(mantissa) and mantissa.is_contiguous() and scale.is_contiguous()):
        return False
    aligned = row.data_ptr() % 16 == 0 and mantissa.data_ptr() % 8 == 0
    return row.device.type == "cpu" or (group % 8 == 0 and aligned)


def _like(x: Tensor, mantissa: Tensor, scale: Tensor, bias: Tensor | None, group: int) -> Tensor:
    return x.new_empty(*x.shape[:-1], mantissa.shape[0])


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, mantissa, scale, _, ctx.group = inputs
    ctx.dtype = x.dtype
    ctx.save_for_backward(mantissa, scale)


def _backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None, None, Tensor | None, None]:
    for_x: Tensor | None = None
    for_bias: Tensor | None = None
    if ctx.needs_input_grad[0]:
        for_x = gradient @ dequantize_op(*ctx.saved_tensors, ctx.group, ctx.dtype)
    if ctx.needs_input_grad[3]:
        for_bias = gradient.reshape(-1, gradient.shape[-1]).sum(0)
    return for_x, None, None, for_bias, None


_linear: Any = torch.library.custom_op("labtui::mxint8_linear", _forward, mutates_args=())
_linear.register_fake(_like)
_linear.register_autograd(_backward, setup_context=_save)


class _Scratch(local):
    """Room for the largest weight that this thread decoded, by dtype: all layers on the CPU take turns in it."""

    def __init__(self) -> None:
        self.rooms: dict[torch.dtype, Tensor] = {}


_scratch_rooms = _Scratch()


def _scratch(x: Tensor, mantissa: Tensor) -> Tensor:
    """Where to decode to. CUDA's caching allocator hands layer after layer the same block, and keeps streams apart."""
    if x.device.type != "cpu":
        return torch.empty(mantissa.shape, dtype=x.dtype, device=x.device)
    room = _scratch_rooms.rooms.get(x.dtype)
    if room is None or room.numel() < mantissa.numel():
        room = _scratch_rooms.rooms[x.dtype] = torch.empty(mantissa.numel(), dtype=x.dtype)
    return room[: mantissa.numel()].view(mantissa.shape)
