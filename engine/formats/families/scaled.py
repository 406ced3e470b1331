"""Integers times a real scale: `int`, symmetric, and `uint`, affine with a zero point.

`…(w)` has a scale for each row of the last dimension (an output row of a weight, a token of an activation), stored as
float32; `…(w,block)` for each block of it, stored and used as float16. A row or block that holds NaN or inf is NaN.
`…(w,tensor)` has one float32 scale, part of the spec once it is settled: `int(8,tensor,0.0125)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.formats.affine import Affine
from engine.formats.anatomy import code_at, twos_complement
from engine.formats.arithmetic import clamped
from engine.formats.base import Format, Packed, Part
from engine.formats.bits import pack_bits, unpack_bits
from engine.formats.lazy import np, torch
from engine.formats.rescaled import Rescaled
from engine.formats.spec import ROW, SCALE, WHOLE, Argument, Family, Menu, Spec

if TYPE_CHECKING:
    from torch import Tensor


class Int(Rescaled):
    """`clamp(rne(x/s), −2^(w−1), 2^(w−1)−1)·s`, `s = max|x| / (2^(w−1)−1)`; zero is always +0."""

    numbers = ("low", "high")

    def __init__(self, width: int, block: int | None = None) -> None:
        self.spec = Spec("int", (width,) if block is None else (width, block))
        self.code_bits, self.block = width, block
        self.low: float | Tensor = -(2.0 ** (width - 1))
        self.high: float | Tensor = 2.0 ** (width - 1) - 1

    def parts(self, packed: Packed, place: int) -> Iterator[Part]:
        """Sign and integer bits of two's complement."""
        yield from twos_complement(code_at(packed, self.code_bits, place), self.code_bits, 0)

    def shared(self, groups: Tensor) -> tuple[Tensor, ...]:
        """The scale."""
        return (self._scale(groups.abs().amax(-1, keepdim=True), self.high),)

    def _codes(self, x: Tensor, *shared: Tensor) -> Tensor:
        return clamped((x / shared[0]).round(), self.low, self.high)

    def _decoded(self, codes: Tensor, *shared: Tensor) -> Tensor:
        if not codes.is_floating_point():  # read from bits
            codes = codes - ((codes >> (self.code_bits - 1)) << self.code_bits)
        return codes * shared[0] + 0.0

    def _fused(self, x: Tensor) -> Tensor:
        from engine.formats.kernels.scaled import symmetric

        return self._run(symmetric, x, np.float32(self.high))


class UInt(Rescaled):
    """`(clamp(rne(x/s) + z, 0, 2^w−1) − z)·s` with `s = (max(x,0) − min(x,0)) / (2^w−1)`.

    The zero point `z = clamp(rne(−min(x,0)/s), 0, 2^w−1)` is stored with each scale, in `w` bits.
    """

    numbers = ("low", "high")

    def __init__(self, width: int, block: int | None = None) -> None:
        self.spec = Spec("uint", (width,) if block is None else (width, block))
        self.code_bits, self.block, self.zero_bits = width, block, width
        self.low: float | Tensor = 0.0
        self.high: float | Tensor = 2.0**width - 1

    def parts(self, packed: Packed, place: int) -> Iterator[Part]:
        """The code, and the zero point that is taken off it."""
        code = code_at(packed, self.code_bits, place)
        yield Part("code", f"{code:0{self.code_bits}b}", str(code))
        yield Part("zero point", "", f"-{int(self._zeros(packed).reshape(-1)[0])}")

    def shared(self, groups: Tensor) -> tuple[Tensor, ...]:
        """Scale and zero point."""
        low, high = groups.amin(-1, keepdim=True).clamp(max=0), groups.amax(-1, keepdim=True).clamp(min=0)
        scale = self._scale((high - low).clamp(max=torch.finfo(torch.float32).max), self.high)
        return scale, clamped((-low / scale).round(), self.low, self.high)

    def shared_of(self, packed: Packed) -> tuple[Tensor, ...]:
        """Scales and zero points."""
        return self._scales(packed), self._zeros(packed).float()

    def _codes(self, x: Tensor, *shared: Tensor) -> Tensor:
        scale, zero = shared
        return clamped((x / scale).round() + zero, self.low, self.high)

    def _decoded(self, codes: Tensor, *shared: Tensor) -> Tensor:
        scale, zero = shared
        return (codes - zero) * scale + 0.0

    def _kept(self, *shared: Tensor) -> dict[str, Tensor]:
        scale, zero = shared
        return {"scales": self._stored(scale), "zeros": pack_bits(zero.reshape(-1).long(), self.code_bits)}

    def _zeros(self, packed: Packed) -> Tensor:
        scales = self._scales(packed)
        return unpack_bits(packed.tensors["zeros"], self.code_bits, scales.numel()).reshape(scales.shape)

    def _fused(self, x: Tensor) -> Tensor:
        from engine.formats.kernels.scaled import affine

        return self._run(affine, x, np.float32(self.high))


def signed(width: int, block: int | str | None = None, scale: float | None = None) -> Format:
    """`int`, with one scale where it is of the whole tensor."""
    if block != WHOLE:
        return Int(width, block)  # type: ignore[arg-type]
    return Affine("int", width, (-(2 ** (width - 1)), 2 ** (width - 1) - 1), Int(width), scale)


def unsigned(width: int, block: int | str | None = None, scale: float | None = None, zero: int = 0) -> Format:
    """`uint`, with one scale and zero point where they are of the whole tensor."""
    if block != WHOLE:
        return UInt(width, block)  # type: ignore[arg-type]
    return Affine("uint", width, (0, 2**width - 1), UInt(width), scale, zero)


def _is_code(args: tuple[Any, ...]) -> str | None:
    if len(args) < 4 or args[3] < 2 ** args[0]:
        return None
    return f"the zero must lie between 0 and {2 ** args[0] - 1}, not {args[3]}"


def _grouped(width: int, block: int | str) -> tuple[Any, ...]:
    return (width,) if block == ROW else (width, block)


_ARGUMENTS = (
    Argument("width", 2, 16, widens=True),
    Argument("block", 1, 65536, optional=True, doubles=True, word=WHOLE),
    replace(SCALE, after=WHOLE),
)
_MENU = Menu(("width", "block"), _grouped)
PLACE = 9
FAMILIES = (
    Family("int", "integers times a scale per row, block or tensor", "int(8)", signed, _ARGUMENTS, menu=_MENU),
    Family(
        "uint",
        "integers with a zero point times a scale per row, block or tensor",
        "uint(4,32)",
        unsigned,
        (*_ARGUMENTS, Argument("zero", 0, 65535, optional=True, after=WHOLE)),
        _is_code,
        _MENU,
    ),
)
