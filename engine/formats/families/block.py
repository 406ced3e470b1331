"""A power of two per block and float-grid elements: `bfp` and `block_minifloat`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.formats.anatomy import code_at, floating, magnitude
from engine.formats.base import Packed, Part
from engine.formats.bits import pack_bits, unpack_bits
from engine.formats.blocks import INFINITY, Blockwise, join, peak_bits, run, split
from engine.formats.dispatch import fused
from engine.formats.grid import FloatGrid, GridRounding, finite_grid
from engine.formats.lazy import np, torch
from engine.formats.powers import power_of_two
from engine.formats.spec import BLOCK, MANTISSA, Argument, Family, Menu, Spec

if TYPE_CHECKING:
    from torch import Tensor


class BlockFloat(Blockwise):
    """Grid elements times 2^e, `e = clamp(floor(log2 max|x|) - top, -127, 127)` per block.

    `top` is the exponent of the element's largest value. The scale is stored as the byte e + 127; 255 makes the block
    NaN, as a block is that holds NaN or inf.
    """

    def __init__(self, spec: Spec, grid: FloatGrid, block: int, top: int = 0) -> None:
        self.spec, self.grid, self.block, self.code_bits = spec, grid, block, grid.bits
        self.rounding = grid.rounding
        self.top: float | Tensor = top

    def scalars(self) -> dict[str, float | Tensor]:
        """What its grid is rounded with, and the exponent of the largest value."""
        return {**self.rounding._asdict(), "top": self.top}

    def _take(self, *values: float | Tensor) -> None:
        *rounding, self.top = values
        self.rounding = GridRounding(*rounding)

    def pack(self, x: Tensor) -> Packed:
        """Element codes without the padding, and a scale byte per block."""
        x = x.detach().float().cpu()
        codes = torch.zeros(0, dtype=torch.int64)
        scales = torch.zeros(0, dtype=torch.uint8)
        if x.numel():
            blocks = split(x, self.block)
            scale, missing = self._scale(blocks)
            elements = self._elements(blocks, scale).masked_fill(missing, 0)
            scales = (scale + 127).masked_fill(missing, 255).to(torch.uint8)
            codes = self._encode(join(elements, x.shape))
        return Packed(
            str(self), tuple(x.shape), {"codes": pack_bits(codes, self.grid.bits), "scales": scales.reshape(-1)}
        )

    def unpack(self, packed: Packed) -> Tensor:
        """Elements times their block's scale."""
        if math.prod(packed.shape) == 0:
            return torch.zeros(packed.shape)
        codes = unpack_bits(packed.tensors["codes"], self.grid.bits, math.prod(packed.shape)).reshape(
            packed.shape or (1,)
        )
        blocks = split(self._decode(codes), self.block)
        scales = packed.tensors["scales"].int().reshape(*blocks.shape[:-1], 1)
        values = blocks * power_of_two(scales - 127).masked_fill(scales == 255, math.nan)
        return join(values, packed.shape)

    def parts(self, packed: Packed, place: int) -> Iterator[Part]:
        """An element's own fields."""
        code, grid = code_at(packed, self.code_bits, place), self.grid
        if grid.exponent:
            yield from floating(code, grid.exponent, grid.mantissa, grid.bias)
        else:
            yield from magnitude(code, grid.mantissa)

    def shared(self, groups: Tensor) -> tuple[Tensor, ...]:
        """The exponent."""
        return (self._scale(groups)[0],)

    def rounded(self, x: Tensor, *shared: Tensor) -> Tensor:
        """Elements under a given exponent."""
        (scale,) = shared
        return self._elements(x, scale) * power_of_two(scale)

    def _encode(self, elements: Tensor) -> Tensor:
        return self.grid.encode(elements.reshape(-1))

    def _decode(self, codes: Tensor) -> Tensor:
        return self.grid.decode(codes)

    def _scale(self, blocks: Tensor) -> tuple[Tensor, Tensor]:
        """Exponents e (int32), and which blocks are not finite, both `[..., blocks, 1]`."""
        peak = peak_bits(blocks)
        return ((peak >> 23) - self.top).clamp(min=0, max=254) - 127, peak >= INFINITY

    def _elements(self, blocks: Tensor, scale: Tensor) -> Tensor:
        magnitude = torch.where(blocks.isfinite(), blocks.abs(), 0.0) * power_of_two(-scale)
        return self.rounding.nearest(magnitude).copysign(blocks)

    def _composed(self, x: Tensor) -> Tensor:
        blocks = split(x, self.block)
        scale, missing = self._scale(blocks)
        values = self._elements(blocks, scale) * power_of_two(scale)
        return join(values.masked_fill(missing, math.nan), x.shape)

    def _fused(self, x: Tensor) -> Tensor:
        from engine.formats.kernels.blocks import block_float

        return run(block_float, (x,), self.block, np.int32(self.top), *self.rounding.kernel_scalars())

    def _outside(self, x: Tensor) -> Tensor:
        blocks = split(x, self.block)
        scale, missing = self._scale(blocks)
        return join((blocks.abs() > self.rounding.largest * power_of_two(scale)) & ~missing, x.shape)

    def _gradient(self, x: Tensor, gradient: Tensor) -> Tensor:
        if not fused(x, gradient, *self._tensors):
            return super()._gradient(x, gradient)
        from engine.formats.kernels.blocks import pass_below

        scalars = np.bool_(False), np.int32(self.top), np.float32(self.rounding.largest)
        return run(pass_below, (x, gradient), self.block, *scalars)


def integers(mantissa: int) -> FloatGrid:
    """`k·2^(1-m)` for |k| < 2^m: a grid without exponent."""
    return FloatGrid(0, mantissa, 0, 2 - 2.0 ** (1 - mantissa))


def bfp(mantissa: int, block: int) -> BlockFloat:
    """Block floating point: sign and `mantissa` bits in units of 2^(e+1-m)."""
    return BlockFloat(Spec("bfp", (mantissa, block)), integers(mantissa), block)


def block_minifloat(exponent: int, mantissa: int, block: int) -> BlockFloat:
    """Minifloat whose bias puts the largest exponent code on the exponent of the block's largest magnitude."""
    grid = finite_grid(exponent, mantissa, 2**exponent - 1)
    return BlockFloat(Spec("block_minifloat", (exponent, mantissa, block)), grid, block)


def _arguments(width: int, fraction: int | None, block: int) -> tuple[int, ...] | None:
    """Sign, exponent and fraction fill the width."""
    return None if fraction is None else (width - 1 - fraction, fraction, block)


PLACE = 4
FAMILIES = (
    Family(
        "bfp",
        "block floating point: integers with a shared exponent",
        "bfp(7,16)",
        bfp,
        (Argument("mantissa", 1, 23, widens=True), BLOCK),
        menu=Menu(("width", "block"), lambda width, block: (width - 1, block)),
    ),
    Family(
        "block_minifloat",
        "minifloat with a shared exponent bias",
        "block_minifloat(3,2,16)",
        block_minifloat,
        (Argument("exponent", 1, 6), MANTISSA, BLOCK),
        menu=Menu(("width", "fraction", "block"), _arguments),
    ),
)
