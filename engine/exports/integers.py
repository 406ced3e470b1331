"""Packed parameters as whole numbers under scales, the form that most other programs keep weights in."""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.formats import parse
from engine.formats.affine import Affine
from engine.formats.base import Packed
from engine.formats.bits import unpack_bits
from engine.formats.families.fixed import Fixed
from engine.formats.families.scaled import Int, UInt


@dataclass(frozen=True, slots=True)
class Integers:
    """`(codes - zeros) * scales`, each scale for `block` columns of a row, for a row (None), or for everything.

    `codes` are int64 of the parameter's shape (weights as rows), `scales` float32 `[..., groups]`, or `[]` where one
    serves all; `zeros` int64 like them, None where the codes are signed. A code has `bits` bits.
    """

    codes: Tensor
    scales: Tensor
    zeros: Tensor | None
    bits: int
    block: int | None

    @property
    def container(self) -> int:
        """The bits of the smallest usual integer that holds a code."""
        return container(self.bits)


def container(bits: int) -> int:
    """The smallest of 4, 8, 16 and 32 bits that is not less."""
    return next(size for size in (4, 8, 16, 32) if bits <= size)


def integers(packed: Packed) -> Integers | None:
    """The whole numbers of an `int`, `uint` or `fixed` parameter; None for any other format."""
    number_format = parse(packed.spec)
    count = torch.Size(packed.shape).numel()
    if isinstance(number_format, Fixed):
        codes = unpack_bits(packed.tensors["codes"], number_format.width, count).reshape(packed.shape)
        scale = torch.tensor(1 / number_format.scale, dtype=torch.float32)
        return Integers(_signed(codes, number_format.width), scale, None, number_format.width, None)
    if isinstance(number_format, Affine):
        codes = unpack_bits(packed.tensors["codes"], number_format.width, count).reshape(packed.shape)
        scale, zero = (torch.tensor(number_format.scalars()[name]) for name in ("scale", "zero"))
        if number_format.signed:
            return Integers(_signed(codes, number_format.width), scale, None, number_format.width, None)
        return Integers(codes, scale, zero.long(), number_format.width, None)
    if not isinstance(number_format, Int | UInt):
        return None
    bits = number_format.code_bits
    codes = unpack_bits(packed.tensors["codes"], bits, count).reshape(packed.shape)
    scales, *zeros = (one.squeeze(-1) for one in number_format.shared_of(packed))
    if isinstance(number_format, Int):
        codes = _signed(codes, bits)
    block = number_format.block if scales.shape[-1] > 1 else None
    return Integers(codes, scales, zeros[0].long() if zeros else None, bits, block)


def _signed(codes: Tensor, bits: int) -> Tensor:
    """Two's complement of `bits` bits read."""
    return codes - ((codes >> (bits - 1)) << bits)
