"""A format under parameters that are given: what is left when a method has chosen a weight's values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.formats.base import Format, Packed, Part
from engine.formats.blocks import join, split

if TYPE_CHECKING:
    from torch import Tensor


class Held(Format):
    """Rows `[rows, columns]` in a format whose shared parameters are held instead of fitted to what is quantised.

    `shared` are `[rows, groups, 1]` each. Values that it gave come back as they are.
    """

    def __init__(self, base: Format, shared: tuple[Tensor, ...]) -> None:
        self.base, self.spec, self.block = base, base.spec, base.block
        self._shared = self._tensors = shared

    @property
    def plain(self) -> Format:
        """The format with parameters fitted to the data."""
        return self.base

    @property
    def bits_per_element(self) -> float:
        """Those of the format."""
        return self.base.bits_per_element

    shares_scale = True
    saturates = False
    rows_alone = False

    def scalars(self) -> dict[str, float | Tensor]:
        """The parameters."""
        return {f"shared_{place}": one for place, one in enumerate(self._shared)}

    def _take(self, *values: float | Tensor) -> None:
        self._shared = values  # type: ignore[assignment]

    @property
    def structure(self) -> tuple[object, ...]:
        """That of the format whose parameters it has."""
        return type(self), str(self.base)

    def stored_bytes(self, shape: tuple[int, ...]) -> int:  # type: ignore[override]
        """Those of the format."""
        return self.base.stored_bytes(shape)

    def pack(self, x: Tensor) -> Packed:
        """Codes under the parameters, and the parameters."""
        return self.base.pack_shared(self.quantize(x), *self._shared)

    def unpack(self, packed: Packed) -> Tensor:
        """The values again."""
        return self.base.unpack(packed)

    def parts(self, packed: Packed, place: int) -> Iterator[Part]:
        """As the format has them."""
        return self.base.parts(packed, place)

    def _composed(self, x: Tensor) -> Tensor:
        groups = split(x, self.block or max(1, x.shape[-1]))
        return join(self.base.rounded(groups, *(one.to(x.device) for one in self._shared)), x.shape)


def held_of(base: Format, packed: Packed) -> Format:
    """The format that gives back the values of packed rows: itself where fitting it anew does, else held."""
    return Held(base, base.shared_of(packed)) if base.holds else base
