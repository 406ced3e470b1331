"""A scale per block and float-grid elements: `bfp`, `block_minifloat` and the microscaling formats."""

import math

import numpy as np
import torch
from torch import Tensor

from engine.formats.base import Format, Packed
from engine.formats.bits import pack_bits, unpack_bits
from engine.formats.blocks import INFINITY, join, peak_bits, run, split
from engine.formats.dispatch import fused
from engine.formats.grid import FloatGrid
from engine.formats.logarithm import power_of_two
from engine.formats.minifloat import finite_grid
from engine.formats.spec import Spec


class BlockFloat(Format):
    """Grid elements times 2^e, `e = clamp(floor(log2 max|x|) - top, -127, 127)` per block.

    `top` is the exponent of the element's largest value. The scale is stored as the byte e + 127; 255 makes the block
    NaN, as a block is that holds NaN or inf.
    """

    def __init__(self, spec: Spec, grid: FloatGrid, block: int, top: int = 0, twos_complement: bool = False) -> None:
        self.spec, self.grid, self.block, self.top = spec, grid, block, top
        self._twos_complement = twos_complement

    @property
    def bits_per_element(self) -> float:
        """An element's code and its share of the block's 8-bit scale."""
        return self.grid.bits + 8 / self.block

    @property
    def _code_bits(self) -> float:
        return self.grid.bits

    def _scale_bytes(self, rows: int, columns: int) -> int:
        return rows * -(-columns // self.block)

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

    def _encode(self, elements: Tensor) -> Tensor:
        if self._twos_complement:
            return (elements * (1 << (self.grid.mantissa - 1))).long() & ((1 << self.grid.bits) - 1)
        return self.grid.encode(elements.reshape(-1))

    def _decode(self, codes: Tensor) -> Tensor:
        if self._twos_complement:
            signed = codes - ((codes >> self.grid.mantissa) << self.grid.bits)
            return signed.float() / (1 << (self.grid.mantissa - 1))
        return self.grid.decode(codes)

    def _scale(self, blocks: Tensor) -> tuple[Tensor, Tensor]:
        """Exponents e (int32), and which blocks are not finite, both `[..., blocks, 1]`."""
        peak = peak_bits(blocks)
        return ((peak >> 23) - self.top).clamp(min=0, max=254) - 127, peak >= INFINITY

    def _elements(self, blocks: Tensor, scale: Tensor) -> Tensor:
        magnitude = torch.where(blocks.isfinite(), blocks.abs(), 0.0) * power_of_two(-scale)
        return self.grid.round(magnitude).copysign(blocks)

    def _composed(self, x: Tensor) -> Tensor:
        blocks = split(x, self.block)
        scale, missing = self._scale(blocks)
        values = self._elements(blocks, scale) * power_of_two(scale)
        return join(values.masked_fill(missing, math.nan), x.shape)

    def _fused(self, x: Tensor) -> Tensor:
        from engine.formats.kernels.blocks import block_float

        return run(block_float, (x,), self.block, np.int32(self.top), *self.grid.kernel_scalars())

    def _outside(self, x: Tensor) -> Tensor:
        blocks = split(x, self.block)
        scale, missing = self._scale(blocks)
        return join((blocks.abs() > self.grid.largest * power_of_two(scale)) & ~missing, x.shape)

    def _gradient(self, x: Tensor, gradient: Tensor) -> Tensor:
        if not fused(x, gradient):
            return super()._gradient(x, gradient)
        from engine.formats.kernels.blocks import pass_below

        scalars = np.bool_(False), np.int32(self.top), np.float32(self.grid.largest)
        return run(pass_below, (x, gradient), self.block, *scalars)


def _integers(mantissa: int) -> FloatGrid:
    """`k·2^(1-m)` for |k| < 2^m: a grid without exponent."""
    return FloatGrid(0, mantissa, 0, 2 - 2.0 ** (1 - mantissa))


def bfp(mantissa: int, block: int) -> BlockFloat:
    """Block floating point: sign and `mantissa` bits in units of 2^(e+1-m)."""
    return BlockFloat(Spec("bfp", (mantissa, block)), _integers(mantissa), block)


def block_minifloat(exponent: int, mantissa: int, block: int) -> BlockFloat:
    """Minifloat whose bias puts the largest exponent code on the exponent of the block's largest magnitude."""
    grid = finite_grid(exponent, mantissa, 2**exponent - 1)
    return BlockFloat(Spec("block_minifloat", (exponent, mantissa, block)), grid, block)


def mxint8(block: int | None = None) -> BlockFloat:
    """OCP Microscaling v1.0, 8-bit integers `m·2^-6` with m from -127 to 127; -128 is read too."""
    spec = Spec("mxint8", () if block is None else (block,))
    return BlockFloat(spec, _integers(7), block or 32, twos_complement=True)


_MX_ELEMENTS = {
    "mxfp8_e4m3": (FloatGrid(4, 3, 7, 448.0), 8),
    "mxfp8_e5m2": (FloatGrid(5, 2, 15, 57344.0), 15),
    "mxfp6_e3m2": (finite_grid(3, 2, 3), 4),
    "mxfp6_e2m3": (finite_grid(2, 3, 1), 2),
    "mxfp4": (finite_grid(2, 1, 1), 2),
}


def mxfp(name: str, block: int | None = None) -> BlockFloat:
    """OCP Microscaling v1.0, float elements: E4M3 up to 448, E5M2 up to 57344, E3M2, E2M3, E2M1."""
    grid, top = _MX_ELEMENTS[name]
    return BlockFloat(Spec(name, () if block is None else (block,)), grid, block or 32, top)
