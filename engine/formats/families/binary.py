"""One or two bits per weight and a scale per row: `binary`, `binary_scaled`, `binary_residual`, `ternary`.

A row is the last dimension: an output row of a weight, a token of an activation. Row means are taken in float64 and
rounded once. A row that holds NaN or inf has no mean: it becomes NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.formats.anatomy import code_at
from engine.formats.anatomy import sign as sign_part
from engine.formats.arithmetic import quotient
from engine.formats.base import Format, Packed, Part
from engine.formats.bits import pack_bits, unpack_bits, without_nan
from engine.formats.dispatch import fused
from engine.formats.lazy import torch
from engine.formats.spec import Argument, Family, Menu, Spec

if TYPE_CHECKING:
    from torch import Tensor


def _sign(x: Tensor) -> Tensor:
    """+1 where x >= 0, -0 included, else -1."""
    return torch.where(x >= 0, 1.0, -1.0)


def _mean(x: Tensor) -> Tensor:
    """Mean of each row, `[..., 1]`, NaN where it is not finite."""
    mean = quotient(x.sum(-1, keepdim=True, dtype=torch.float64), x.shape[-1]).float()
    return mean.masked_fill(~mean.isfinite(), math.nan)


def _columns(shape: tuple[int, ...]) -> int:
    return shape[-1] if shape else 1


class Binary(Format):
    """+1 and -1. The gradient is cut outside [-1, 1]."""

    spec = Spec("binary")

    @property
    def bits_per_element(self) -> float:
        """The sign."""
        return 1.0

    def pack(self, x: Tensor) -> Packed:
        """A bit each: 1 for -1."""
        x = without_nan(x, self)
        return Packed("binary", tuple(x.shape), {"codes": pack_bits(x < 0, 1)})

    def unpack(self, packed: Packed) -> Tensor:
        """The signs."""
        return 1 - 2 * unpack_bits(packed.tensors["codes"], 1, math.prod(packed.shape)).reshape(packed.shape).float()

    def parts(self, packed: Packed, place: int) -> Iterator[Part]:
        """The sign."""
        yield sign_part(code_at(packed, 1, place))

    def _composed(self, x: Tensor) -> Tensor:
        return torch.where(x.isnan(), x, _sign(x))

    def _fused(self, x: Tensor) -> Tensor:
        from engine.formats.kernels.launch import apply
        from engine.formats.kernels.rows import sign

        return apply(sign, (x,))

    def _outside(self, x: Tensor) -> Tensor:
        return x.abs() > 1

    def _gradient(self, x: Tensor, gradient: Tensor) -> Tensor:
        if not fused(x, gradient):
            return super()._gradient(x, gradient)
        from engine.formats.kernels.passing import pass_inside

        return pass_inside(x, gradient, -1.0, 1.0)


class _RowScaled(Format):
    """Codes times float32 scales of each row. The scales follow the data: nothing saturates."""

    saturates = False
    shares_scale = True
    holds = True

    def _scale_bytes(self, rows: int, columns: int) -> int:
        return 4 * rows

    def _rows(self, x: Tensor) -> Tensor:
        return x.reshape(1) if x.dim() == 0 else x

    def _settled(self, x: Tensor) -> Tensor:
        """`x` ready to be packed.

        Raises:
            InputError: where a row is not finite.
        """
        x = self._rows(x.detach().float().cpu())
        if not x.isfinite().all():
            raise InputError(f"the tensor holds NaN or inf, for which {self} has no code: leave this layer out")
        return x


class BinaryResidual(_RowScaled):
    """The sum over `levels` of γ·sign(r): r starts as x, each level takes γ·sign(r) off it, γ = mean|r| of the row.

    One level is `binary_scaled`. ReBNet (Ghasemzadeh et al. 2018); one level: XNOR-Net (Rastegari et al. 2016).
    """

    rows_alone = False

    def __init__(self, spec: Spec, levels: int) -> None:
        self.spec, self.levels = spec, levels

    @property
    def bits_per_element(self) -> float:
        """A sign per level."""
        return float(self.levels)

    def _scale_bytes(self, rows: int, columns: int) -> int:
        return self.levels * super()._scale_bytes(rows, columns)

    def pack(self, x: Tensor) -> Packed:
        """Signs level after level (1 for minus), and the scales `[rows, levels]`."""
        rest = self._settled(x)
        signs, scales = [], []
        for _ in range(self.levels if rest.numel() else 0):
            gamma = _mean(rest.abs())
            signs.append(rest < 0)
            scales.append(gamma)
            rest = rest - gamma * _sign(rest)
        codes = torch.stack(signs) if signs else torch.zeros(0, dtype=torch.bool)
        stored = torch.cat(scales, -1) if scales else torch.zeros(0)
        return Packed(str(self), tuple(x.shape), {"codes": pack_bits(codes, 1), "scales": stored})

    def unpack(self, packed: Packed) -> Tensor:
        """The sum again, in the same order."""
        count = math.prod(packed.shape)
        if count == 0:
            return torch.zeros(packed.shape)
        columns = _columns(packed.shape)
        signs = 1 - 2 * unpack_bits(packed.tensors["codes"], 1, count * self.levels).float()
        scales = packed.tensors["scales"].reshape(-1, self.levels)
        value = torch.zeros(count // columns, columns)
        for level, sign in enumerate(signs.reshape(self.levels, -1, columns)):
            value = value + scales[:, level : level + 1] * sign
        return value.reshape(packed.shape)

    def shared(self, groups: Tensor) -> tuple[Tensor, ...]:
        """A scale for each level."""
        rest, scales = groups, []
        for _ in range(self.levels):
            scales.append(_mean(rest.abs()))
            rest = rest - scales[-1] * _sign(rest)
        return tuple(scales)

    def rounded(self, x: Tensor, *shared: Tensor) -> Tensor:
        """A sign for each level, of what the levels before left over under given scales; a sum stays what it is."""
        value = self._levels(x, shared)
        if self.levels > 1:
            for one in self._sums(shared):
                value = torch.where(x == one, x, value)
        return value

    def pack_shared(self, x: Tensor, *shared: Tensor) -> Packed:
        """The signs whose sum each value is."""
        x = x.detach().float().cpu()
        scales = [one.cpu().flatten(1) for one in shared]
        codes = torch.zeros(self.levels, *x.shape, dtype=torch.bool)
        for number, value in enumerate(self._sums(scales)):
            minus = torch.tensor([bool(number >> level & 1) for level in range(self.levels)]).view(-1, 1, 1)
            found = x == value
            codes = torch.where(found, minus, codes)
        return Packed(str(self), tuple(x.shape), {"codes": pack_bits(codes, 1), "scales": torch.cat(scales, -1)})

    def _levels(self, x: Tensor, scales: Sequence[Tensor]) -> Tensor:
        value, rest = torch.zeros_like(x), x
        for gamma in scales:
            part = gamma * _sign(rest)
            value, rest = value + part, rest - part
        return value

    def _sums(self, scales: Sequence[Tensor]) -> Iterator[Tensor]:
        """Every sum of scales with signs, added in their order; a bit of its number says minus."""
        for number in range(2**self.levels):
            value = torch.zeros_like(scales[0])
            for level, gamma in enumerate(scales):
                value = value + (-gamma if number >> level & 1 else gamma)
            yield value

    def shared_of(self, packed: Packed) -> tuple[Tensor, ...]:
        """The scales of the levels."""
        return packed.tensors["scales"].reshape(-1, 1, self.levels, 1).unbind(2)

    def parts(self, packed: Packed, place: int) -> Iterator[Part]:
        """A sign for each level."""
        signs = unpack_bits(packed.tensors["codes"], 1, math.prod(packed.shape) * self.levels)
        for level, bit in enumerate(signs.reshape(self.levels, -1)[:, place].tolist()):
            part = sign_part(bit)
            yield part if self.levels == 1 else replace(part, name=f"sign {level + 1}")

    def _composed(self, x: Tensor) -> Tensor:
        rows = self._rows(x)
        return self._levels(rows, self.shared(rows)).reshape(x.shape)

    def _fused(self, x: Tensor) -> Tensor:
        from engine.formats.kernels.launch import apply
        from engine.formats.kernels.rows import scaled_signs

        return apply(scaled_signs, (x,), self.levels, columns=_columns(x.shape))


class Ternary(_RowScaled):
    """±α outside ±Δ and 0 inside: Δ = 0.7·mean|x|, α the mean of the |x| > Δ, both per row (Li et al. 2016)."""

    spec = Spec("ternary")

    @property
    def bits_per_element(self) -> float:
        """Two bits, one of four codes unused."""
        return 2.0

    def pack(self, x: Tensor) -> Packed:
        """Codes 0, 1 (+α) and 2 (-α), and a scale per row."""
        x = self._settled(x)
        if x.numel() == 0:
            empty = torch.zeros(0, dtype=torch.int64)
            return Packed(str(self), tuple(x.shape), {"codes": pack_bits(empty, 2), "scales": torch.zeros(0)})
        kept, alpha = self._parts(x)
        codes = kept.long() * torch.where(x > 0, 1, 2)
        return Packed(str(self), tuple(x.shape), {"codes": pack_bits(codes, 2), "scales": alpha})

    def unpack(self, packed: Packed) -> Tensor:
        """Codes times scales."""
        count = math.prod(packed.shape)
        if count == 0:
            return torch.zeros(packed.shape)
        columns = _columns(packed.shape)
        codes = unpack_bits(packed.tensors["codes"], 2, count).reshape(-1, columns)
        alpha = packed.tensors["scales"].reshape(-1, 1)
        return torch.where(codes == 0, 0.0, torch.where(codes == 1, alpha, -alpha)).reshape(packed.shape)

    def shared(self, groups: Tensor) -> tuple[Tensor, ...]:
        """α, and Δ below which a value is 0."""
        _, alpha = self._parts(groups)
        return alpha, self._limit(groups)

    def rounded(self, x: Tensor, *shared: Tensor) -> Tensor:
        """-α, 0 or α for given α and Δ."""
        alpha, limit = shared
        return torch.where(x.abs() > limit, alpha * _sign(x), 0.0)

    def pack_shared(self, x: Tensor, *shared: Tensor) -> Packed:
        """Codes by sign."""
        codes = torch.where(x == 0, 0, torch.where(x > 0, 1, 2)).cpu()
        return Packed(str(self), tuple(x.shape), {"codes": pack_bits(codes, 2), "scales": shared[0].cpu().flatten(1)})

    def shared_of(self, packed: Packed) -> tuple[Tensor, ...]:
        """α, and half of it: Δ is not stored, and values that are stored are 0 or beyond both."""
        alpha = packed.tensors["scales"].reshape(-1, 1, 1)
        return alpha, alpha / 2

    def parts(self, packed: Packed, place: int) -> Iterator[Part]:
        """One of three codes."""
        code = code_at(packed, 2, place)
        yield Part("code", f"{code:02b}", ("0", "+1", "-1")[code])

    def _parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Which elements are kept, and α `[..., 1]`."""
        magnitude, limit = x.abs(), self._limit(x)
        kept = magnitude > limit
        total = torch.where(kept, magnitude, 0.0).sum(-1, keepdim=True, dtype=torch.float64)
        alpha = (total / kept.sum(-1, keepdim=True).clamp(min=1)).float()
        return kept, alpha.masked_fill(~limit.isfinite(), math.nan)

    def _limit(self, x: Tensor) -> Tensor:
        """Δ, float64 `[..., 1]`."""
        return 0.7 * quotient(x.abs().sum(-1, keepdim=True, dtype=torch.float64), x.shape[-1])

    def _composed(self, x: Tensor) -> Tensor:
        rows = self._rows(x)
        kept, alpha = self._parts(rows)
        value = torch.where(kept, alpha * _sign(rows), 0.0)
        return value.masked_fill(alpha.isnan(), math.nan).reshape(x.shape)

    def _fused(self, x: Tensor) -> Tensor:
        from engine.formats.kernels.launch import apply
        from engine.formats.kernels.rows import ternary

        return apply(ternary, (x,), columns=_columns(x.shape))


def binary_scaled() -> BinaryResidual:
    """The sign times the row's mean magnitude."""
    return BinaryResidual(Spec("binary_scaled"), 1)


def binary_residual(levels: int) -> BinaryResidual:
    """A sum of scaled signs, each of what the last left over."""
    return BinaryResidual(Spec("binary_residual", (levels,)), levels)


PLACE = 6
FAMILIES = (
    Family("binary", "+1 and -1", "binary", Binary),
    Family("binary_scaled", "sign times the row's mean magnitude", "binary_scaled", binary_scaled),
    Family(
        "binary_residual",
        "a sum of scaled signs, each of what the last left over",
        "binary_residual(2)",
        binary_residual,
        (Argument("levels", 1, 8, widens=True),),
        menu=Menu(("levels",)),
    ),
    Family("ternary", "-1, 0 and +1 times a scale per row", "ternary", Ternary),
)
