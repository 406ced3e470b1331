"""Small floats, each element alone: `minifloat`, `minifloat_ieee`, `minifloat_denorm`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.formats.anatomy import code_at, floating
from engine.formats.base import Format, Packed, Part
from engine.formats.bits import pack_bits, unpack_bits, without_nan
from engine.formats.dispatch import fused
from engine.formats.grid import FloatGrid, GridRounding, finite_grid
from engine.formats.lazy import np, torch
from engine.formats.spec import EXPONENT, MANTISSA, Argument, Family, Menu, Spec

if TYPE_CHECKING:
    from torch import Tensor


class Minifloat(Format):
    """The nearest value of a float grid, ties to even, saturating; signed zeros and NaN stay.

    `nan` is the code that stands for NaN where there is one.
    """

    def __init__(self, spec: Spec, grid: FloatGrid, nan: int | None = None) -> None:
        self.spec, self.grid, self._nan = spec, grid, nan
        self.rounding = grid.rounding

    def scalars(self) -> dict[str, float | Tensor]:
        """What its grid is rounded with."""
        return self.rounding._asdict()

    def _take(self, *values: float | Tensor) -> None:
        self.rounding = GridRounding(*values)

    @property
    def bits_per_element(self) -> float:
        """Sign, exponent and mantissa."""
        return self.grid.bits

    def pack(self, x: Tensor) -> Packed:
        """Codes: sign, exponent, fraction from the highest bit down."""
        x = without_nan(x, self) if self._nan is None else x.detach().float().cpu()
        q = self.quantize(x).reshape(-1)
        codes = self.grid.encode(q.nan_to_num(0))
        if self._nan is not None:
            codes = torch.where(q.isnan(), self._nan, codes)
        return Packed(str(self), tuple(x.shape), {"codes": pack_bits(codes, self.grid.bits)})

    def unpack(self, packed: Packed) -> Tensor:
        """The codes' values."""
        codes = unpack_bits(packed.tensors["codes"], self.grid.bits, math.prod(packed.shape))
        values = self.grid.decode(codes)
        if self._nan is not None:
            values = values.masked_fill(codes == self._nan, math.nan)
        return values.reshape(packed.shape)

    def parts(self, packed: Packed, place: int) -> Iterator[Part]:
        """Sign, exponent, fraction."""
        grid = self.grid
        yield from floating(code_at(packed, grid.bits, place), grid.exponent, grid.mantissa, grid.bias, grid.implicit)

    def _composed(self, x: Tensor) -> Tensor:
        # A NaN's bits must not be rounded on: they would carry into the sign.
        missing = x.isnan()
        value = self.rounding.nearest(x.abs().masked_fill(missing, 0))
        return torch.where(missing, x, value.copysign(x))

    def _fused(self, x: Tensor) -> Tensor:
        from engine.formats.kernels import elementwise
        from engine.formats.kernels.launch import apply

        return apply(elementwise.minifloat, (x,), *self.rounding.kernel_scalars())

    def _outside(self, x: Tensor) -> Tensor:
        return x.abs() > self.rounding.largest

    def _gradient(self, x: Tensor, gradient: Tensor) -> Tensor:
        if not fused(x, gradient, *self._tensors):
            return super()._gradient(x, gradient)
        from engine.formats.kernels.passing import pass_inside

        largest = float(self.rounding.largest)
        return pass_inside(x, gradient, -largest, largest)


def minifloat(exponent: int, mantissa: int) -> Minifloat:
    """Every code is a number: no inf, no NaN."""
    grid = finite_grid(exponent, mantissa, 2 ** (exponent - 1) - 1)
    return Minifloat(Spec("minifloat", (exponent, mantissa)), grid)


def minifloat_ieee(exponent: int, mantissa: int) -> Minifloat:
    """The top exponent is kept for inf and NaN; saturates to the largest finite value."""
    bias = 2 ** (exponent - 1) - 1
    grid = FloatGrid(exponent, mantissa, bias, (2 - 2.0**-mantissa) * 2.0 ** (2**exponent - 2 - bias))
    nan = (2**exponent - 1) << mantissa | 1 << (mantissa - 1)
    return Minifloat(Spec("minifloat_ieee", (exponent, mantissa)), grid, nan)


def minifloat_denorm(exponent: int, mantissa: int) -> Minifloat:
    """No implicit leading bit: `frac/2^m·2^(exp-bias)` for every exponent code; of equal values the lowest code."""
    bias = 2 ** (exponent - 1) - 1
    largest = float(np.float32((1 - 2.0**-mantissa) * 2.0 ** (2**exponent - 1 - bias)))
    grid = FloatGrid(exponent, mantissa, bias, largest, implicit=False)
    return Minifloat(Spec("minifloat_denorm", (exponent, mantissa)), grid)


def _arguments(width: int, fraction: int | None) -> tuple[int, ...] | None:
    """Sign, exponent and fraction fill the width."""
    return None if fraction is None else (width - 1 - fraction, fraction)


_MENU = Menu(("width", "fraction"), _arguments)
PLACE = 2
FAMILIES = (
    Family(
        "minifloat",
        "every code is a number, subnormals",
        "minifloat(4,3)",
        minifloat,
        (EXPONENT, MANTISSA),
        menu=_MENU,
    ),
    Family(
        "minifloat_ieee",
        "top exponent kept for inf and NaN, subnormals",
        "minifloat_ieee(5,2)",
        minifloat_ieee,
        (Argument("exponent", 2, 8), MANTISSA),
        menu=_MENU,
    ),
    Family(
        "minifloat_denorm",
        "no implicit leading bit",
        "minifloat_denorm(4,3)",
        minifloat_denorm,
        (Argument("exponent", 1, 8), MANTISSA),
        menu=_MENU,
    ),
)
