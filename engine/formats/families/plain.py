"""fp32: no quantisation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.formats.anatomy import floating
from engine.formats.base import Format, Packed, Part
from engine.formats.lazy import torch
from engine.formats.spec import Family, Spec

if TYPE_CHECKING:
    from torch import Tensor


class Float32(Format):
    """Values as they are."""

    spec = Spec("fp32")
    saturates = False

    @property
    def bits_per_element(self) -> float:
        """A float32's."""
        return 32.0

    def fake_quantize(self, x: Tensor, clip: bool = True) -> Tensor:
        """`x` itself."""
        return x.float()

    def pack(self, x: Tensor) -> Packed:
        """The float32 values themselves."""
        return Packed("fp32", tuple(x.shape), {"codes": x.detach().float().cpu().contiguous().clone()})

    def unpack(self, packed: Packed) -> Tensor:
        """The values again."""
        return packed.tensors["codes"].clone()

    def parts(self, packed: Packed, place: int) -> Iterator[Part]:
        """Sign, exponent, fraction of a float32."""
        bits = int(packed.tensors["codes"].view(torch.int32)[place]) & 0xFFFFFFFF
        yield from floating(bits, 8, 23, 127)

    def _composed(self, x: Tensor) -> Tensor:
        return x.clone()


PLACE = 0
FAMILIES = (Family("fp32", "no quantisation", "fp32", Float32),)
