"""Powers of two with an exponent bias shared by the block: `block_log`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.formats.anatomy import code_at, power
from engine.formats.base import Packed, Part
from engine.formats.bits import pack_bits, unpack_bits
from engine.formats.blocks import INFINITY, Blockwise, join, peak_bits, run, split
from engine.formats.dispatch import fused
from engine.formats.lazy import np, torch
from engine.formats.powers import decode_powers, log_exponent, power_of_two, round_to_powers, with_sign
from engine.formats.spec import BLOCK, Argument, Family, Menu, Spec

if TYPE_CHECKING:
    from torch import Tensor


class BlockLog(Blockwise):
    """`log(w)` for each block: the largest exponent is that of the block's largest magnitude, rounded.

    It is stored as the byte exponent + 127 (clamped to -127…127); 255 makes the block NaN, as a block is that holds
    NaN or inf. `span` is the number of exponents.
    """

    numbers = ("span",)

    def __init__(self, width: int, block: int) -> None:
        self.width, self.code_bits, self.block = width, width, block
        self.spec = Spec("block_log", (width, block))
        self.span = 2 ** (width - 1) - 1

    def pack(self, x: Tensor) -> Packed:
        """Codes (sign, exponent above the block's lowest; 0 for zero) without the padding, a byte per block."""
        x = x.detach().float().cpu()
        codes = torch.zeros(0, dtype=torch.int64)
        scales = torch.zeros(0, dtype=torch.uint8)
        if x.numel():
            blocks = split(x, self.block)
            highest, missing = self._highest(blocks)
            values = self._values(blocks, highest).masked_fill(missing, 0)
            codes = torch.where(values == 0, 0, log_exponent(values.abs()) - highest + self.span).long()
            codes = join(with_sign(codes, values, self.width), x.shape)
            scales = (highest + 127).masked_fill(missing, 255).to(torch.uint8).reshape(-1)
        return Packed(str(self), tuple(x.shape), {"codes": pack_bits(codes, self.width), "scales": scales})

    def unpack(self, packed: Packed) -> Tensor:
        """The codes' values."""
        if math.prod(packed.shape) == 0:
            return torch.zeros(packed.shape)
        codes = unpack_bits(packed.tensors["codes"], self.width, math.prod(packed.shape)).reshape(packed.shape)
        blocks = split(codes, self.block)
        scales = packed.tensors["scales"].int().reshape(*blocks.shape[:-1], 1)
        values = decode_powers(blocks, self.width, scales - 127 - self.span)
        return join(values.masked_fill(scales == 255, math.nan), packed.shape)

    def parts(self, packed: Packed, place: int) -> Iterator[Part]:
        """Sign, and exponent above the block's lowest."""
        yield from power(code_at(packed, self.width, place), self.width, self.span)

    def shared(self, groups: Tensor) -> tuple[Tensor, ...]:
        """The largest exponent."""
        return (self._highest(groups)[0],)

    def rounded(self, x: Tensor, *shared: Tensor) -> Tensor:
        """Powers of two up to a given one."""
        return self._values(x, *shared)

    def _highest(self, blocks: Tensor) -> tuple[Tensor, Tensor]:
        """The largest exponents (int32), and which blocks are not finite, both `[..., blocks, 1]`."""
        peak = peak_bits(blocks)
        return log_exponent(peak.view(torch.float32)).clamp(-127, 127), peak >= INFINITY

    def _values(self, blocks: Tensor, highest: Tensor) -> Tensor:
        return round_to_powers(torch.where(blocks.isfinite(), blocks, 0.0), highest, self.span)

    def _composed(self, x: Tensor) -> Tensor:
        blocks = split(x, self.block)
        highest, missing = self._highest(blocks)
        return join(self._values(blocks, highest).masked_fill(missing, math.nan), x.shape)

    def _fused(self, x: Tensor) -> Tensor:
        from engine.formats.kernels.blocks import block_log

        return run(block_log, (x,), self.block, np.int32(self.span))

    def _outside(self, x: Tensor) -> Tensor:
        blocks = split(x, self.block)
        highest, missing = self._highest(blocks)
        return join((blocks.abs() > power_of_two(highest)) & ~missing, x.shape)

    def _gradient(self, x: Tensor, gradient: Tensor) -> Tensor:
        if not fused(x, gradient):
            return super()._gradient(x, gradient)
        from engine.formats.kernels.blocks import pass_below

        return run(pass_below, (x, gradient), self.block, np.bool_(True), np.int32(0), np.float32(1))


PLACE = 5
FAMILIES = (
    Family(
        "block_log",
        "powers of two with a shared exponent bias",
        "block_log(4,16)",
        BlockLog,
        (Argument("width", 2, 8, widens=True), BLOCK),
        menu=Menu(("width", "block")),
    ),
)
