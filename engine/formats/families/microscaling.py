"""OCP Microscaling v1.0: `mxint8`, `mxfp8_e4m3`, `mxfp8_e5m2`, `mxfp6_e3m2`, `mxfp6_e2m3`, `mxfp4`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from engine.formats.anatomy import code_at, twos_complement
from engine.formats.base import Packed, Part
from engine.formats.families.block import BlockFloat, integers
from engine.formats.grid import FloatGrid, finite_grid
from engine.formats.spec import Argument, Family, Spec

if TYPE_CHECKING:
    from torch import Tensor


class MXInt8(BlockFloat):
    """8-bit integers `m·2^-6` with m from -127 to 127, two's complement; -128 is read too."""

    def parts(self, packed: Packed, place: int) -> Iterator[Part]:
        """Sign, integer and fraction bits of two's complement."""
        yield from twos_complement(code_at(packed, self.code_bits, place), self.code_bits, self.grid.mantissa - 1)

    def _encode(self, elements: Tensor) -> Tensor:
        return (elements * (1 << (self.grid.mantissa - 1))).long() & ((1 << self.code_bits) - 1)

    def _decode(self, codes: Tensor) -> Tensor:
        signed = codes - ((codes >> self.grid.mantissa) << self.code_bits)
        return signed.float() / (1 << (self.grid.mantissa - 1))


_BLOCK = 32
_ELEMENTS = {  # the element's grid, and the exponent of its largest value
    "mxfp8_e4m3": (FloatGrid(4, 3, 7, 448.0), 8),
    "mxfp8_e5m2": (FloatGrid(5, 2, 15, 57344.0), 15),
    "mxfp6_e3m2": (finite_grid(3, 2, 3), 4),
    "mxfp6_e2m3": (finite_grid(2, 3, 1), 2),
    "mxfp4": (finite_grid(2, 1, 1), 2),
}


def mxint8(block: int | None = None) -> MXInt8:
    """8-bit integers under a power of two per block."""
    return MXInt8(Spec("mxint8", () if block is None else (block,)), integers(7), block or _BLOCK)


def mxfp(name: str, block: int | None = None) -> BlockFloat:
    """Float elements under a power of two per block: E4M3 up to 448, E5M2 up to 57344, E3M2, E2M3, E2M1."""
    grid, top = _ELEMENTS[name]
    return BlockFloat(Spec(name, () if block is None else (block,)), grid, block or _BLOCK, top)


_ARGUMENTS = (Argument("block", 1, 65536, optional=True, doubles=True),)
LADDER = ("mxfp4", "nvfp4", "mxfp6_e3m2", "mxfp6_e2m3", "mxfp8_e5m2", "mxfp8_e4m3", "mxint8")
PLACE = 7
FAMILIES = (
    Family("mxint8", "microscaling: 8-bit integers, shared scale", "mxint8", mxint8, _ARGUMENTS, ladder=LADDER),
    *(
        Family(
            name,
            f"microscaling: {name[2:5].upper()} {element}, shared scale",
            name,
            partial(mxfp, name),
            _ARGUMENTS,
            ladder=LADDER,
        )
        for name, element in (
            ("mxfp8_e4m3", "E4M3"),
            ("mxfp8_e5m2", "E5M2"),
            ("mxfp6_e3m2", "E3M2"),
            ("mxfp6_e2m3", "E2M3"),
            ("mxfp4", "E2M1"),
        )
    ),
)
