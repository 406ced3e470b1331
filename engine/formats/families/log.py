"""Sign and power of two: `log`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.formats.anatomy import code_at, power
from engine.formats.base import Format, Packed, Part
from engine.formats.bits import pack_bits, unpack_bits, without_nan
from engine.formats.dispatch import fused
from engine.formats.lazy import np, torch
from engine.formats.powers import decode_powers, log_exponent, power_of_two, round_to_powers, with_sign
from engine.formats.spec import Argument, Family, Menu, Spec

if TYPE_CHECKING:
    from torch import Tensor


class Log(Format):
    """±2^k, k from 1 - b to 2^(w-1) - 1 - b, nearest in the log domain; the lowest exponent code -b means zero.

    Without a bias the largest exponent is that of the largest magnitude, rounded. `highest` is the largest exponent,
    `span` how many there are.
    """

    numbers = ("highest", "span")

    def __init__(self, width: int, bias: int | None = None) -> None:
        self.width, self.bias = width, bias
        self.spec = Spec("log", (width,) if bias is None else (width, bias))
        span = 2 ** (width - 1) - 1
        self.span: float | Tensor = span
        self.highest: float | Tensor = span - (bias or 0)

    @property
    def bits_per_element(self) -> float:
        """The width."""
        return self.width

    @property
    def open(self) -> bool:
        """Whether the bias is still to be chosen."""
        return self.bias is None

    def fitter(self) -> PeakFitter:
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

    def parts(self, packed: Packed, place: int) -> Iterator[Part]:
        """Sign and exponent."""
        assert self.bias is not None
        yield from power(code_at(packed, self.width, place), self.width, self.bias)

    def _composed(self, x: Tensor) -> Tensor:
        missing = x.isnan()
        return torch.where(missing, x, round_to_powers(x.masked_fill(missing, 0), self.highest, self.span))

    def _fused(self, x: Tensor) -> Tensor:
        from engine.formats.kernels import elementwise
        from engine.formats.kernels.launch import apply

        highest, below = int(self.highest), int(self.highest - self.span)
        return apply(elementwise.log, (x,), np.float32(math.ldexp(1, below)), np.int32(below + 1), np.int32(highest))

    def _outside(self, x: Tensor) -> Tensor:
        return x.abs() > power_of_two(torch.as_tensor(self.highest, device=x.device))

    def _gradient(self, x: Tensor, gradient: Tensor) -> Tensor:
        if not fused(x, gradient, *self._tensors):
            return super()._gradient(x, gradient)
        from engine.formats.kernels.passing import pass_inside

        largest = math.ldexp(1, int(self.highest))
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


def _reaches(args: tuple[int, ...]) -> str | None:
    if len(args) < 2:
        return None
    width, bias = args
    top = 2 ** (width - 1) - 1 - bias
    if -149 <= top <= 127:
        return None
    return f"a bias of {bias} puts the largest value at 2^{top}, outside float32"


PLACE = 3
FAMILIES = (
    Family(
        "log",
        "sign and power of two; without a bias, from the largest magnitude",
        "log(5,7)",
        Log,
        (Argument("width", 2, 8, widens=True), Argument("bias", -126, 276, optional=True, fitted=True)),
        _reaches,
        Menu(("width",)),
    ),
)
