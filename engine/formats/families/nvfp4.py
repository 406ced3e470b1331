"""Four-bit floats under two scales: `nvfp4`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.formats.anatomy import code_at, floating
from engine.formats.arithmetic import quotient
from engine.formats.base import Fitter, Format, Packed, Part
from engine.formats.blocks import run
from engine.formats.dispatch import fused
from engine.formats.families.microscaling import LADDER
from engine.formats.grid import FloatGrid, finite_grid
from engine.formats.lazy import np, torch
from engine.formats.ranges import LeastError, RangeFitter, settled_scale, shrunk
from engine.formats.rescaled import Rescaled
from engine.formats.spec import SCALE, Family, Spec

if TYPE_CHECKING:
    from torch import Tensor

E2M1 = finite_grid(2, 1, 1)
E4M3 = FloatGrid(4, 3, 7, 448.0)
LOWEST = 2.0**-6
"""The least scale of a block: the smallest normal number of e4m3."""
LARGEST = E2M1.largest * E4M3.largest
"""The largest value under a tensor's scale of 1."""


class NVFloat4(Rescaled):
    """`e2m1(x / (t·s))·(t·s)`: e2m1 elements, an e4m3 scale s for each 16 of them, a float32 scale t for the tensor.

    `t = max|x| / (6·448)` over the tensor, or over all that calibration brings in, `s = e4m3(clamp(max|x| / 6 / t,
    2^-6, 448))` over a block, as in NVIDIA's definition of the format (2025) and torchao's. Values
    beyond 2688·t saturate.
    """

    numbers = ("scale",)
    code_bits, block, scale_bits = 4, 16, 8
    saturates = True

    def __init__(self, scale: float | None = None) -> None:
        self.spec = Spec("nvfp4", () if scale is None else (scale,))
        self.scale: float | Tensor | None = scale

    @property
    def open(self) -> bool:
        """Whether the tensor's scale is still to be chosen."""
        return self.scale is None

    def fitter(self) -> Fitter:
        """Takes the tensor's scale from the largest magnitude, or keeps the one that is given."""
        return RangeFitter(_settled) if self.open else super().fitter()

    def refiner(self) -> Fitter:
        """Tries smaller scales of the tensor, under which large values saturate."""
        assert isinstance(self.scale, float)
        return LeastError([NVFloat4(scale) for scale in shrunk(self.scale)])

    def pack(self, x: Tensor) -> Packed:
        """Codes: sign, exponent, fraction; and an e4m3 scale for each block."""
        return self.fit(x).pack(x) if self.open else super().pack(x)

    def parts(self, packed: Packed, place: int) -> Iterator[Part]:
        """An element's own fields, and the tensor's scale."""
        yield from floating(code_at(packed, self.code_bits, place), E2M1.exponent, E2M1.mantissa, E2M1.bias)
        yield Part("tensor scale", "", f"{self.scale:.4g}")

    def shared(self, groups: Tensor) -> tuple[Tensor, ...]:
        """The block's scale, on the grid of e4m3."""
        scale = quotient(quotient(groups.abs().amax(-1, keepdim=True), E2M1.largest), self._tensor_scale)
        return (E4M3.round(scale.clamp(LOWEST, E4M3.largest)),)

    def rounded(self, x: Tensor, *shared: Tensor) -> Tensor:
        """Elements under a block's scale that is given, times it and the tensor's."""
        return self._elements(x, *shared) * self._step(*shared)

    def _codes(self, x: Tensor, *shared: Tensor) -> Tensor:
        return E2M1.encode(self._elements(x, *shared))

    def _decoded(self, codes: Tensor, *shared: Tensor) -> Tensor:
        return E2M1.decode(codes) * self._step(*shared)

    def _elements(self, x: Tensor, *shared: Tensor) -> Tensor:
        return E2M1.round(x.abs() / self._step(*shared)).copysign(x)

    def _step(self, *shared: Tensor) -> Tensor:
        return shared[0] * self._tensor_scale

    @property
    def _tensor_scale(self) -> float | Tensor:
        assert self.scale is not None, "a format with an open scale is fitted first"
        return self.scale

    def _stored(self, scale: Tensor) -> Tensor:
        return scale.reshape(-1).to(torch.float8_e4m3fn)

    def _fused(self, x: Tensor) -> Tensor:
        from engine.formats.kernels.scaled import two_scales

        grids = E4M3.rounding.kernel_scalars(), E2M1.rounding.kernel_scalars()
        return run(two_scales, (x,), self.block, np.float32(self.scale), *grids)

    def _outside(self, x: Tensor) -> Tensor:
        return x.abs() > LARGEST * self._tensor_scale

    def _gradient(self, x: Tensor, gradient: Tensor) -> Tensor:
        if not fused(x, gradient, *self._tensors):
            return super()._gradient(x, gradient)
        from engine.formats.kernels.passing import pass_inside

        largest = float(np.float32(LARGEST) * np.float32(self.scale))
        return pass_inside(x, gradient, -largest, largest)


def _settled(low: float, high: float) -> Format:
    return NVFloat4(settled_scale(max(-low, high), LARGEST))


PLACE = 8
FAMILIES = (
    Family(
        "nvfp4",
        "E2M1 under an E4M3 scale per 16 and a float32 scale per tensor",
        "nvfp4",
        NVFloat4,
        (SCALE,),
        ladder=LADDER,
    ),
)
