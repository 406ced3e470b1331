"""A table of values times a scale per block: `nf4`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from engine.formats.anatomy import code_at
from engine.formats.base import Packed, Part
from engine.formats.lazy import np, torch
from engine.formats.rescaled import Rescaled
from engine.formats.spec import BLOCK, Family, Menu, Spec

if TYPE_CHECKING:
    from torch import Tensor

# Quantiles of the normal distribution, zero among them (Dettmers et al. 2023, appendix E).
NF4 = (
    -1.0,
    -0.6961928009986877,
    -0.5250730514526367,
    -0.39491748809814453,
    -0.28444138169288635,
    -0.18477343022823334,
    -0.09105003625154495,
    0.0,
    0.07958029955625534,
    0.16093020141124725,
    0.24611230194568634,
    0.33791524171829224,
    0.44070982933044434,
    0.5626170039176941,
    0.7229568362236023,
    1.0,
)


class NormalFloat(Rescaled):
    """The nearest of the 16 values times max|x| of the block; half-way between two, the lower."""

    def __init__(self, block: int) -> None:
        self.spec = Spec("nf4", (block,))
        self.code_bits, self.block = 4, block
        self._middles = tuple((a + b) / 2 for a, b in pairwise(NF4))

    def parts(self, packed: Packed, place: int) -> Iterator[Part]:
        """One of 16 codes."""
        code = code_at(packed, 4, place)
        yield Part("code", f"{code:04b}", f"{NF4[code]:.7g}")

    def shared(self, groups: Tensor) -> tuple[Tensor, ...]:
        """The scale."""
        return (self._scale(groups.abs().amax(-1, keepdim=True), 1),)

    def _codes(self, x: Tensor, *shared: Tensor) -> Tensor:
        return torch.bucketize(x / shared[0], torch.tensor(self._middles, device=x.device))

    def _decoded(self, codes: Tensor, *shared: Tensor) -> Tensor:
        return torch.tensor(NF4, device=codes.device)[codes] * shared[0]

    def _fused(self, x: Tensor) -> Tensor:
        from engine.formats.kernels.scaled import lookup

        return self._run(lookup, x, np.array(NF4, np.float32), np.array(self._middles, np.float32))


PLACE = 10
FAMILIES = (
    Family(
        "nf4",
        "16 quantiles of the normal distribution times the block's largest",
        "nf4(64)",
        NormalFloat,
        (BLOCK,),
        menu=Menu(("block",)),
    ),
)
