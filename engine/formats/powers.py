"""Powers of two nearest in the log domain: exponents, values and codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.formats.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

_TO_SQRT2 = 0x800000 - 0x3504F4
"""Carries into the exponent every mantissa of √2 and more (0x3504F3 is the last one below)."""


def log_exponent(magnitude: Tensor) -> Tensor:
    """Exponents (int32) of the powers of two nearest in the log domain to float32 magnitudes; up from √2·2^k."""
    subnormal = magnitude < 2.0**-126
    normalised = torch.where(subnormal, magnitude * 2.0**24, magnitude).view(torch.int32)
    return ((normalised + _TO_SQRT2) >> 23) - 127 - 24 * subnormal.int()


def power_of_two(exponent: Tensor) -> Tensor:
    """2^exponent as float32, exact for -149 to 127; below that 0."""
    shift = 24 * (exponent < -126).int()
    field = (exponent + shift + 127).clamp(min=0)
    return (field.int() << 23).view(torch.float32) * torch.where(shift > 0, 2.0**-24, 1.0).float()


def round_to_powers(x: Tensor, highest: float | Tensor, span: float | Tensor) -> Tensor:
    """Powers of two with exponents from `highest` down over `span` codes; |x| up to 2^(highest - span) gives +0."""
    magnitude = x.abs()
    highest = torch.as_tensor(highest, dtype=torch.int32, device=x.device)
    exponent = torch.minimum(torch.maximum(log_exponent(magnitude), highest - span + 1), highest)
    value = power_of_two(exponent).copysign(x)
    return torch.where(magnitude <= power_of_two(highest - span), 0.0, value)


def with_sign(codes: Tensor, values: Tensor, width: int) -> Tensor:
    """Codes with the values' signs in the highest of `width` bits."""
    return codes | (values < 0).long() << (width - 1)


def decode_powers(codes: Tensor, width: int, lowest: Tensor | int) -> Tensor:
    """Values of codes: sign, then an exponent from `lowest` up; exponent code 0 means zero."""
    exponent = codes & (2 ** (width - 1) - 1)
    magnitude = torch.where(exponent == 0, 0.0, power_of_two(exponent + lowest))
    return torch.where(codes >> (width - 1) == 1, -magnitude, magnitude)
