"""What formats with a real scale per row or block have in common."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from engine.formats.arithmetic import quotient
from engine.formats.base import Format, Packed
from engine.formats.bits import pack_bits, unpack_bits
from engine.formats.blocks import join, run, split
from engine.formats.grid import FloatGrid
from engine.formats.lazy import np, torch

if TYPE_CHECKING:
    from torch import Tensor

HALF = FloatGrid(5, 10, 15, 65504.0)
"""The magnitudes of float16."""
SMALLEST = 2.0**-24


class Rescaled(Format):
    """Codes of `code_bits` bits times a scale for each group: each `block` of the last dimension, or each row.

    The scale follows the data, so nothing saturates. A block's has `scale_bits`, a row's is a float32; unless a
    subclass says otherwise a block's is a float16 of at least 2^-24.
    Groups are `[..., groups, elements]`, the last one of a row filled up with zeros.
    """

    saturates = False
    shares_scale: ClassVar[bool] = True
    holds: ClassVar[bool] = True
    code_bits: int
    scale_bits: int = 16
    zero_bits: int = 0

    @property
    def bits_per_element(self) -> float:
        """A code, and its share of what its block keeps."""
        return self.code_bits + (0 if self.block is None else (self.scale_bits + self.zero_bits) / self.block)

    def sharing(self, index: int, length: int) -> tuple[int, int]:
        """The element's block, or the row."""
        start = 0 if self.block is None else index - index % self.block
        return start, length if self.block is None else min(start + self.block, length)

    def pack(self, x: Tensor) -> Packed:
        """Codes without the padding, a scale per group, and what else a group keeps."""
        x = x.detach().float().cpu()
        groups = self._groups(x) if x.numel() else x.reshape(0, 1, 1)
        finite = groups.isfinite().all(-1, keepdim=True)
        groups = torch.where(finite, groups, 0.0)
        return self._packed(x, groups, self.shared(groups), finite)

    def pack_shared(self, x: Tensor, *shared: Tensor) -> Packed:
        """The codes under scales that are given."""
        x = x.detach().float().cpu()
        groups = self._groups(x)
        return self._packed(x, groups, tuple(one.cpu() for one in shared), torch.ones_like(shared[0].cpu()).bool())

    def unpack(self, packed: Packed) -> Tensor:
        """Codes times scales."""
        count = math.prod(packed.shape)
        if count == 0:
            return torch.zeros(packed.shape)
        codes = self._groups(unpack_bits(packed.tensors["codes"], self.code_bits, count).reshape(packed.shape))
        return join(self._decoded(codes, *self.shared_of(packed)).float(), packed.shape)

    def shared_of(self, packed: Packed) -> tuple[Tensor, ...]:
        """The scales, and what else a group keeps."""
        return (self._scales(packed),)

    def rounded(self, x: Tensor, *shared: Tensor) -> Tensor:
        """Codes under a given scale, times it."""
        return self._decoded(self._codes(x, *shared), *shared)

    @abstractmethod
    def shared(self, groups: Tensor) -> tuple[Tensor, ...]:
        """The scale, and what else a group keeps."""

    @abstractmethod
    def _codes(self, x: Tensor, *shared: Tensor) -> Tensor:
        """Whole numbers under a scale, of any type, from the lowest to the highest code."""

    @abstractmethod
    def _decoded(self, codes: Tensor, *shared: Tensor) -> Tensor:
        """The values of codes, as they come or as their bits are stored."""

    def _kept(self, *shared: Tensor) -> dict[str, Tensor]:
        """What is stored of the groups' parameters, each flat."""
        return {"scales": self._stored(shared[0])}

    def _packed(self, x: Tensor, groups: Tensor, shared: tuple[Tensor, ...], finite: Tensor) -> Packed:
        codes = self._codes(groups, *shared).long() & (2**self.code_bits - 1)
        scale, *others = shared
        kept = self._kept(scale.masked_fill(~finite, math.nan), *others)
        codes = join(codes, x.shape) if x.numel() else codes
        return Packed(str(self), tuple(x.shape), {"codes": pack_bits(codes, self.code_bits), **kept})

    def _composed(self, x: Tensor) -> Tensor:
        groups = self._groups(x)
        finite = groups.isfinite().all(-1, keepdim=True)
        groups = torch.where(finite, groups, 0.0)
        return join(self.rounded(groups, *self.shared(groups)).masked_fill(~finite, math.nan), x.shape)

    def _run(self, kernel: Callable[..., None], x: Tensor, *scalars: Any) -> Tensor:
        """What a kernel of `kernels/scaled.py` writes."""
        columns = self.block or (x.shape[-1] if x.dim() else 1)
        return run(kernel, (x,), columns, *scalars, np.bool_(self.block is not None), HALF.rounding.kernel_scalars())

    def _groups(self, x: Tensor) -> Tensor:
        return split(x, self.block or max(1, x.shape[-1] if x.dim() else 1))

    def _scale(self, amount: Tensor, top: float | Tensor) -> Tensor:
        """`amount / top` as it is stored; where a row's would be 0, all codes are 0 under any scale, and it is 1."""
        scale = quotient(amount, top)
        return torch.where(scale == 0, 1.0, scale) if self.block is None else HALF.round(scale).clamp(min=SMALLEST)

    def _stored(self, scale: Tensor) -> Tensor:
        return scale.reshape(-1) if self.block is None else scale.reshape(-1).half()

    def _scales(self, packed: Packed) -> Tensor:
        """The scales of a packed tensor, `[..., groups, 1]`."""
        rows = packed.shape[:-1] if packed.shape else ()
        return packed.tensors["scales"].float().reshape(*rows, -1, 1)

    @property
    def _code_bits(self) -> float:
        return self.code_bits

    def _scale_bytes(self, rows: int, columns: int) -> int:
        groups = rows if self.block is None else rows * -(-columns // self.block)
        return groups * (4 if self.block is None else self.scale_bits // 8) + math.ceil(groups * self.zero_bits / 8)
