"""Fixed point: integer codes of `width` bits in units of 2^-fraction."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.formats.anatomy import code_at, twos_complement
from engine.formats.arithmetic import clamped
from engine.formats.base import Format, Packed, Part
from engine.formats.bits import pack_bits, unpack_bits, without_nan
from engine.formats.dispatch import fused
from engine.formats.lazy import np, torch
from engine.formats.spec import Argument, Family, Menu, Spec

if TYPE_CHECKING:
    from torch import Tensor

_EXACT = 24
"""Bits of codes that are all float32 numbers."""


class Fixed(Format):
    """`clamp(rne(x·2^f), −2^(w−1), 2^(w−1)−1)·2^−f`; zero is always +0, as a code can't hold its sign.

    Codes of 25 bits and more do not all fit a float32: the value is then the nearest float32 to the exact one.
    `scale` is 2^f, `low` and `high` are codes.
    """

    numbers = ("scale", "low", "high")

    def __init__(self, width: int, fraction: int | None = None) -> None:
        self.width, self.fraction = width, fraction
        self.spec = Spec("fixed", (width,) if fraction is None else (width, fraction))
        self.scale: float | Tensor = 2.0 ** (fraction or 0)
        self.low: float | Tensor = -(2.0 ** (width - 1))
        self.high: float | Tensor = float(np.float32(2 ** (width - 1) - 1))

    @property
    def bits_per_element(self) -> float:
        """The width."""
        return self.width

    @property
    def open(self) -> bool:
        """Whether the fraction is still to be chosen."""
        return self.fraction is None

    def fitter(self) -> FractionFitter:
        """Tries fractions on the data, or keeps the one that is given."""
        return FractionFitter(self)

    def pack(self, x: Tensor) -> Packed:
        """Two's complement codes of `width` bits."""
        if self.open:
            return self.fit(x).pack(x)
        codes = (
            (without_nan(x, self) * self.scale)
            .round()
            .clamp(-(2.0 ** (self.width - 1)), 2.0 ** (self.width - 1))
            .long()
        )
        codes = codes.clamp(max=2 ** (self.width - 1) - 1) & (2**self.width - 1)
        return Packed(str(self), tuple(x.shape), {"codes": pack_bits(codes, self.width)})

    def unpack(self, packed: Packed) -> Tensor:
        """Codes times the step, rounded once to float32."""
        codes = unpack_bits(packed.tensors["codes"], self.width, math.prod(packed.shape)).int()
        unused = 32 - self.width
        codes.bitwise_left_shift_(unused).bitwise_right_shift_(unused)  # fills with the sign
        values = codes.float() if self.width <= _EXACT else codes.double()
        return (values / self.scale).float().reshape(packed.shape)

    def parts(self, packed: Packed, place: int) -> Iterator[Part]:
        """Sign, integer and fraction bits of two's complement."""
        assert self.fraction is not None
        yield from twos_complement(code_at(packed, self.width, place), self.width, self.fraction)

    def _composed(self, x: Tensor) -> Tensor:
        return clamped((x * self.scale).round(), self.low, self.high) * (1 / self.scale) + 0.0

    def _fused(self, x: Tensor) -> Tensor:
        from engine.formats.kernels import elementwise
        from engine.formats.kernels.launch import apply

        scale, low, high = (np.float32(value) for value in (self.scale, self.low, self.high))
        return apply(elementwise.fixed, (x,), scale, 1 / scale, low, high)

    def _outside(self, x: Tensor) -> Tensor:
        return (x < self.low / self.scale) | (x > self.high / self.scale)

    def _gradient(self, x: Tensor, gradient: Tensor) -> Tensor:
        if not fused(x, gradient, *self._tensors):
            return super()._gradient(x, gradient)
        from engine.formats.kernels.passing import pass_inside

        low, high = (float(bound / self.scale) for bound in (self.low, self.high))
        return pass_inside(x, gradient, low, high)


class FractionFitter:
    """Sums the squared error of each fraction that can be the best one.

    A range twice the largest magnitude loses precision for nothing, and one below an eighth of the root mean square
    cuts nearly all the energy off: the fractions between are tried. The window is set by the first tensor that is not
    zero, with room for later ones eight times as large.
    """

    _ROOM = 2

    def __init__(self, number_format: Fixed) -> None:
        self._format = number_format
        self._errors: dict[int, float] = {}

    def observe(self, x: Tensor) -> None:
        """Adds a tensor's squared errors; values that are not finite count nowhere."""
        if not self._format.open:
            return
        x = x.detach().float().reshape(-1)
        if x.numel() and not math.isfinite(_largest(x)):
            x = x[x.isfinite()]
        if x.numel() == 0:
            return
        if not self._errors:
            self._errors = dict.fromkeys(self._window(x), 0.0)
        for fraction, error in zip(self._errors, self._squared_errors(x), strict=True):
            self._errors[fraction] += error

    def result(self) -> Fixed:
        """The format with the best fraction; with all bits but the sign as fraction where only zeros were seen."""
        if not self._format.open:
            return self._format
        fraction = min(self._errors, key=self._errors.__getitem__, default=self._format.width - 1)
        return Fixed(self._format.width, fraction)

    def _window(self, x: Tensor) -> range:
        largest = _largest(x)
        if largest == 0:
            return range(0)
        root_mean_square = float(torch.linalg.vector_norm(x, dtype=torch.float64)) / math.sqrt(x.numel())
        bits = self._format.width - 1
        widest = bits - math.frexp(largest)[1] - 1 - self._ROOM
        narrowest = bits - math.frexp(root_mean_square / 8)[1]
        return range(max(widest, -96), min(narrowest, 126) + 1)

    def _squared_errors(self, x: Tensor) -> list[float]:
        if fused(x):
            from engine.formats.kernels.errors import fixed_errors

            scales = [2.0**fraction for fraction in self._errors]
            return fixed_errors(x, scales, float(self._format.low), float(self._format.high))
        candidates = (Fixed(self._format.width, fraction) for fraction in self._errors)
        differences = (candidate.quantize(x).sub_(x) for candidate in candidates)
        return [float(torch.linalg.vector_norm(difference, dtype=torch.float64)) ** 2 for difference in differences]


def _largest(x: Tensor) -> float:
    """The largest magnitude; not finite where an element is not."""
    low, high = x.aminmax()
    return max(-float(low), float(high))


def _arguments(width: int, fraction: int | None) -> tuple[int, ...]:
    return (width,) if fraction is None else (width, fraction)


PLACE = 1
FAMILIES = (
    Family(
        "fixed",
        "fixed point; without a fraction, the one with the least squared error",
        "fixed(8,4)",
        Fixed,
        (Argument("width", 2, 32, widens=True), Argument("fraction", -96, 126, optional=True, fitted=True)),
        menu=Menu(("width", "fraction"), _arguments),
    ),
)
