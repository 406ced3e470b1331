"""Float grids: significands of a fixed precision with a smallest step and a largest value.

Every element here is one: minifloats with and without an implicit bit, and integers (a grid that is all subnormal).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from engine.formats.lazy import np, torch
from engine.formats.spec import float32

if TYPE_CHECKING:
    from torch import Tensor


class GridRounding(NamedTuple):
    """What magnitudes are rounded with to a grid: numbers, or tensors (int32, float32) for grids that vmap stacks.

    Magnitudes from `threshold` up are rounded on their bits, whose `mask` keeps a significand; below it by the addend
    `magic` = 2^(23+step), which leaves no bits below the step: the sum is rounded as IEEE 754 says.
    """

    odd_bits: float | Tensor
    mask: float | Tensor
    bump: float | Tensor
    threshold: float | Tensor
    magic: float | Tensor
    largest: float | Tensor

    def kernel_scalars(self) -> tuple[np.int32, np.int32, np.int32, np.float32, np.float32, np.float32]:
        """The same for a kernel."""
        integers = (np.int32(self.odd_bits), np.int32(self.mask), np.int32(self.bump))
        return *integers, np.float32(self.threshold), np.float32(self.magic), np.float32(self.largest)

    def nearest(self, magnitude: Tensor) -> Tensor:
        """The nearest values of the grid to float32 magnitudes (no NaN), ties to even, saturating."""
        bits = magnitude.view(torch.int32)
        odd = (bits & self.odd_bits) != 0
        normal = ((bits + (odd.int() + self.bump)) & self.mask).view(torch.float32)
        subnormal = (magnitude + self.magic) - self.magic
        return torch.where(magnitude < self.threshold, subnormal, normal).clamp(max=self.largest)


@dataclass(frozen=True, slots=True)
class FloatGrid:
    """Sign, `exponent` bits, `mantissa` bits; `largest` is the largest value.

    With the implicit bit a code of exponent field c > 0 means `(1 + frac/2^m)·2^(c-bias)`, and `frac/2^m·2^(1-bias)`
    for c = 0; without it `frac/2^m·2^(c-bias)` for every c. No exponent bits: the integers `frac·2^(1-bias-m)`.
    """

    exponent: int
    mantissa: int
    bias: int
    largest: float
    implicit: bool = True

    @property
    def bits(self) -> int:
        """Bits of a code, sign included."""
        return 1 + self.exponent + self.mantissa

    @property
    def _precision(self) -> int:
        """Fraction bits of a normalised significand."""
        return self.mantissa if self.implicit else self.mantissa - 1

    @property
    def _step(self) -> int:
        """Exponent of the smallest step, and of the smallest value."""
        return (1 if self.implicit else 0) - self.bias - self.mantissa

    @property
    def rounding(self) -> GridRounding:
        """What magnitudes are rounded with.

        A significand of a single bit is always odd: ties go up, as rne(1.5) = 2 says.
        """
        lowest = 1 << (23 - self._precision)
        return GridRounding(
            odd_bits=lowest if self._precision else -1,
            mask=-lowest,
            bump=(lowest >> 1) - 1,
            threshold=math.ldexp(1, self._step + self._precision),
            magic=math.ldexp(1, 23 + self._step),
            largest=float32(self.largest),
        )

    def round(self, magnitude: Tensor) -> Tensor:
        """The nearest values of the grid to float32 magnitudes (no NaN), ties to even, saturating."""
        return self.rounding.nearest(magnitude)

    def encode(self, value: Tensor) -> Tensor:
        """Codes (int64) of float32 CPU values that lie on the grid: sign, exponent, fraction."""
        magnitude = np.abs(value.numpy().astype(np.float64))
        lowest = self._step + self._precision
        exponent = np.maximum(np.where(magnitude > 0, np.frexp(magnitude)[1] - 1, lowest), lowest)
        fraction = np.ldexp(magnitude, self._precision - exponent).astype(np.int64)
        field = (exponent - lowest).astype(np.int64)
        if self.implicit and self.exponent:
            normal = fraction >> self.mantissa
            field, fraction = field + normal, fraction - (normal << self.mantissa)
        return torch.from_numpy(np.signbit(value.numpy()) * (1 << (self.bits - 1)) | field << self.mantissa | fraction)

    def decode(self, code: Tensor) -> Tensor:
        """Float32 values of int64 codes; codes that a format keeps for inf or NaN are read as numbers."""
        codes = code.numpy()
        fraction = codes & ((1 << self.mantissa) - 1)
        field = (codes >> self.mantissa) & ((1 << self.exponent) - 1)
        if self.implicit and self.exponent:
            fraction = fraction + ((field > 0).astype(np.int64) << self.mantissa)
            field = np.maximum(field - 1, 0)
        sign = np.where(codes >> (self.bits - 1) & 1, -1.0, 1.0)
        return torch.from_numpy((sign * np.ldexp(fraction.astype(np.float64), field + self._step)).astype(np.float32))


def finite_grid(exponent: int, mantissa: int, bias: int) -> FloatGrid:
    """A grid on which every code is a number."""
    largest = (2 - 2.0**-mantissa) * 2.0 ** (2**exponent - 1 - bias)
    return FloatGrid(exponent, mantissa, bias, largest)
