"""Sign and power of two: `log`."""

import math

import numpy as np
import torch
from torch import Tensor

from engine.formats.base import Format, Packed
from engine.formats.bits import pack_bits, unpack_bits, without_nan
from engine.formats.dispatch import fused
from engine.formats.kernels.launch import apply
from engine.formats.spec import Spec

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


def round_to_powers(x: Tensor, highest: Tensor | int, span: int) -> Tensor:
    """Powers of two with exponents from `highest` down over `span` codes; |x| up to 2^(highest - span) gives +0."""
    magnitude = x.abs()
    highest = torch.as_tensor(highest, dtype=torch.int32, device=x.device)
    exponent = torch.minimum(torch.maximum(log_exponent(magnitude), highest - span + 1), highest)
    value = power_of_two(exponent).copysign(x)
    return torch.where(magnitude <= power_of_two(highest - span), 0.0, value)


class Log(Format):
    """±2^k, k from 1 - b to 2^(w-1) - 1 - b, nearest in the log domain; the lowest exponent code -b means zero.

    Without a bias the largest exponent is that of the largest magnitude, rounded.
    """

    def __init__(self, width: int, bias: int | None = None) -> None:
        self.width, self.bias = width, bias
        self.spec = Spec("log", (width,) if bias is None else (width, bias))
        self._span = 2 ** (width - 1) - 1
        self._highest = self._span - (bias or 0)

    @property
    def bits_per_element(self) -> float:
        """The width."""
        return self.width

    @property
    def open(self) -> bool:
        """Whether the bias is still to be chosen."""
        return self.bias is None

    def fitter(self) -> "PeakFitter":
        """Takes the bias from the largest magnitude, or keeps the one that is given."""
        return PeakFitter(self)

    def pack(self, x: Tensor) -> Packed:
        """Codes: sign, then exponent + bias; 0 for zero."""
        if self.bias is None:
            return self.fit(x).pack(x)
        q = self.quantize(without_nan(x, self))
        codes = torch.where(q == 0, 0, log_exponent(q.abs()) + self.bias).long()
        return Packed(str(self), tuple(x.shape), {"codes": pack_bits(with_sign(codes, q, self.width), self.width)})

    def unpack(self, packed: Packed) -> Tensor:
        """The codes' values."""
        assert self.bias is not None
        codes = unpack_bits(packed.tensors["codes"], self.width, math.prod(packed.shape))
        return decode_powers(codes, self.width, -self.bias).reshape(packed.shape)

    def _composed(self, x: Tensor) -> Tensor:
        missing = x.isnan()
        return torch.where(missing, x, round_to_powers(x.masked_fill(missing, 0), self._highest, self._span))

    def _fused(self, x: Tensor) -> Tensor:
        from engine.formats.kernels import elementwise

        zero = np.float32(math.ldexp(1, self._highest - self._span))
        lowest, highest = np.int32(self._highest - self._span + 1), np.int32(self._highest)
        return apply(elementwise.log, (x,), zero, lowest, highest)

    def _outside(self, x: Tensor) -> Tensor:
        return x.abs() > math.ldexp(1, self._highest)

    def _gradient(self, x: Tensor, gradient: Tensor) -> Tensor:
        if not fused(x, gradient):
            return super()._gradient(x, gradient)
        from engine.formats.kernels.passing import pass_inside

        largest = math.ldexp(1, self._highest)
        return pass_inside(x, gradient, -largest, largest)


class PeakFitter:
    """Keeps the largest finite magnitude seen."""

    def __init__(self, number_format: Log) -> None:
        self._format = number_format
        self._peak = torch.zeros(())

    def observe(self, x: Tensor) -> None:
        """Takes one more tensor into account."""
        x = x.detach().float()
        magnitude = torch.where(x.isfinite(), x.abs(), 0.0)
        if magnitude.numel():
            self._peak = torch.maximum(self._peak, magnitude.max().cpu())

    def result(self) -> Log:
        """The format with the bias that makes the peak's exponent the largest; 2^0 where only zeros were seen."""
        if not self._format.open:
            return self._format
        peak = min(int(log_exponent(self._peak)), 127) if self._peak > 0 else 0
        return Log(self._format.width, 2 ** (self._format.width - 1) - 1 - peak)


def with_sign(codes: Tensor, values: Tensor, width: int) -> Tensor:
    """Codes with the values' signs in the highest of `width` bits."""
    return codes | (values < 0).long() << (width - 1)


def decode_powers(codes: Tensor, width: int, lowest: Tensor | int) -> Tensor:
    """Values of codes: sign, then an exponent from `lowest` up; exponent code 0 means zero."""
    exponent = codes & (2 ** (width - 1) - 1)
    magnitude = torch.where(exponent == 0, 0.0, power_of_two(exponent + lowest))
    return torch.where(codes >> (width - 1) == 1, -magnitude, magnitude)
