"""Integers under one real scale for a whole tensor: what `int(w,tensor)` and `uint(w,tensor)` have in common."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.formats.anatomy import code_at, twos_complement
from engine.formats.arithmetic import clamped, quotient
from engine.formats.base import Fitter, Format, Packed, Part
from engine.formats.bits import pack_bits, unpack_bits, without_nan
from engine.formats.dispatch import fused
from engine.formats.lazy import np
from engine.formats.ranges import LeastError, RangeFitter, settled_scale, shrunk
from engine.formats.spec import WHOLE, Spec, float32

if TYPE_CHECKING:
    from torch import Tensor


class Affine(Format):
    """`(clamp(rne(x/s) + z, low, high) − z)·s`, low and high the lowest and highest of the `codes`; zero is always +0.

    The scale s is a float32, the zero point z a code: given, or left open and taken from a tensor, or from all that
    calibration brings in. `rowwise` is the same with a scale per row.
    """

    numbers = ("scale", "zero", "low", "high")

    def __init__(
        self, name: str, width: int, codes: tuple[int, int], rowwise: Format, scale: float | None = None, zero: int = 0
    ) -> None:
        self.width, self.codes, self.rowwise, self.signed = width, codes, rowwise, codes[0] < 0
        settled = () if scale is None else (scale,) if self.signed else (scale, zero)
        self.spec = Spec(name, (width, WHOLE, *settled))
        self.scale: float | Tensor | None = scale
        self.zero: float | Tensor = float(zero)
        self.low: float | Tensor = float(codes[0])
        self.high: float | Tensor = float(codes[1])

    @property
    def bits_per_element(self) -> float:
        """The width."""
        return self.width

    @property
    def open(self) -> bool:
        """Whether scale and zero point are still to be chosen."""
        return self.scale is None

    def settled(self, scale: float, zero: int) -> Affine:
        """The same codes under a scale and a zero point."""
        return Affine(self.spec.name, self.width, self.codes, self.rowwise, scale, zero)

    def fitter(self) -> Fitter:
        """Takes scale and zero point from the range of what it sees, or keeps those that are given."""
        return RangeFitter(self._of_range) if self.open else super().fitter()

    def refiner(self) -> Fitter | None:
        """Tries parts of the range, which cut large values off."""
        assert isinstance(self.scale, float)
        return LeastError([self.settled(scale, int(self.zero)) for scale in shrunk(self.scale)])

    @property
    def per_token(self) -> Format:
        """The one with a scale per row."""
        return self.rowwise

    def pack(self, x: Tensor) -> Packed:
        """Codes of `width` bits: two's complement where they are signed."""
        if self.open:
            return self.fit(x).pack(x)
        codes = self._codes(without_nan(x, self)).long() & (2**self.width - 1)
        return Packed(str(self), tuple(x.shape), {"codes": pack_bits(codes, self.width)})

    def unpack(self, packed: Packed) -> Tensor:
        """The codes less the zero point, times the scale."""
        codes = unpack_bits(packed.tensors["codes"], self.width, math.prod(packed.shape))
        if self.signed:
            codes -= (codes >> (self.width - 1)) << self.width
        return ((codes.float() - self.zero) * self._step + 0.0).reshape(packed.shape)

    def parts(self, packed: Packed, place: int) -> Iterator[Part]:
        """Sign and integer bits of two's complement, or the code and the zero point taken off it; then the scale."""
        code = code_at(packed, self.width, place)
        if self.signed:
            yield from twos_complement(code, self.width, 0)
        else:
            yield Part("code", f"{code:0{self.width}b}", str(code))
            yield Part("zero point", "", f"-{int(self.zero)}")
        yield Part("tensor scale", "", f"{self.scale:.4g}")

    @property
    def _step(self) -> float | Tensor:
        assert self.scale is not None, "a format with an open scale is fitted first"
        return self.scale

    def _of_range(self, low: float, high: float) -> Format:
        """Symmetric where codes are signed: the largest magnitude has the highest code."""
        top = self.codes[1]
        if self.signed:
            return self.settled(settled_scale(max(-low, high), top), 0)
        scale = settled_scale(high - low, top)
        return self.settled(scale, min(round(float32(-low / scale)), top))

    def _codes(self, x: Tensor) -> Tensor:
        return clamped(quotient(x, self._step).round() + self.zero, self.low, self.high)

    def _composed(self, x: Tensor) -> Tensor:
        return (self._codes(x) - self.zero) * self._step + 0.0

    def _fused(self, x: Tensor) -> Tensor:
        from engine.formats.kernels import elementwise
        from engine.formats.kernels.launch import apply

        return apply(elementwise.affine, (x,), *(np.float32(value) for value in self.scalars().values()))

    def _outside(self, x: Tensor) -> Tensor:
        return (x < (self.low - self.zero) * self._step) | (x > (self.high - self.zero) * self._step)

    def _gradient(self, x: Tensor, gradient: Tensor) -> Tensor:
        if not fused(x, gradient, *self._tensors):
            return super()._gradient(x, gradient)
        from engine.formats.kernels.passing import pass_inside

        low, high = (float32(float((bound - self.zero) * self._step)) for bound in (self.low, self.high))
        return pass_inside(x, gradient, low, high)
