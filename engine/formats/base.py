"""What every format is: values, gradient, cost, and bytes."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

from engine.formats.dispatch import fused, ordinary
from engine.formats.lazy import torch
from engine.formats.spec import Spec

if TYPE_CHECKING:
    from torch import Tensor


PART = 1 << 21
"""Elements of a large tensor that are packed at once."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A tensor as stored: `tensors` holds `codes` (uint8, a bit stream) and, where the format has them, `scales`."""

    spec: str
    shape: tuple[int, ...]
    tensors: Mapping[str, Tensor]

    @property
    def nbytes(self) -> int:
        """Bytes of all its tensors."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self.tensors.values())


@dataclass(frozen=True, slots=True)
class Part:
    """Some bits of a code, highest first, and what they say."""

    name: str
    bits: str
    meaning: str


class Fitter(Protocol):
    """Chooses a format's open parameters from one or several tensors, seen one after the other."""

    def observe(self, x: Tensor) -> None:
        """Takes one more tensor into account."""

    def result(self) -> Format:
        """The format with nothing left open."""


class Format(ABC):
    """A number format: a pure function on float32 tensors.

    A subclass gives the composed definition, which works on every device and under vmap, and may give fused kernels
    for ordinary CPU tensors. Tensors of other floating types are taken as float32; results are float32.
    """

    spec: Spec

    def __str__(self) -> str:
        return str(self.spec)

    @property
    @abstractmethod
    def bits_per_element(self) -> float:
        """Bits that an element costs, a block's shared scale included; scales of a row or tensor are not."""

    @property
    def open(self) -> bool:
        """Whether parameters are left to be chosen from the data."""
        return False

    @property
    def saturates(self) -> bool:
        """Whether there are values outside its range, for which the gradient is cut."""
        return True

    shares_scale: ClassVar[bool] = False
    """Whether values depend on others in their row or block."""

    block: int | None = None
    """How many columns share parameters; None: a row, or none are shared."""

    holds: ClassVar[bool] = False
    """Whether parameters fitted to values that it made differ from those that made them: they must be held."""

    rows_alone: ClassVar[bool] = True
    """Whether, settled, it gives a row the same codes and scales whatever the other rows are, a row after the other."""

    def parts_of(self, rows: Tensor) -> Sequence[Tensor]:
        """`rows` in parts that are rounded and packed one after the other to the same values and bytes.

        What works on them takes several times a part's memory. The format must be settled.
        """
        columns = rows.shape[-1] if rows.dim() > 1 else 0
        if not (self.rows_alone and columns) or rows.numel() <= PART:
            return (rows,)
        return torch.split(rows, max(8, PART // columns // 8 * 8))  # codes of eight rows end on a whole byte

    numbers: ClassVar[tuple[str, ...]] = ()
    """The attributes that hold `scalars`: numbers, or tensors for configurations that vmap evaluates at once."""

    _tensors: tuple[Tensor, ...] = ()
    """The scalars that are tensors."""

    @property
    def plain(self) -> Format:
        """The format without parameters that are held for it."""
        return self

    def shared(self, groups: Tensor) -> tuple[Tensor, ...]:
        """The parameters fitted to finite float32 `[..., columns]`, each `[..., 1]`: the columns are of one group.

        None for a format whose elements stand alone.
        """
        return ()

    def rounded(self, x: Tensor, *shared: Tensor) -> Tensor:
        """The nearest values to finite float32 `x` under parameters that are given: broadcast with it."""
        return self.quantize(x)

    def pack_shared(self, x: Tensor, *shared: Tensor) -> Packed:
        """Values that `rounded` gave, rows `[rows, columns]`, as bytes; parameters are `[rows, groups, 1]` each."""
        return self.pack(x)

    def shared_of(self, packed: Packed) -> tuple[Tensor, ...]:
        """The parameters of packed rows again, `[rows, groups, 1]` each."""
        return ()

    def quantize(self, x: Tensor) -> Tensor:
        """The nearest representable values, float32, shape of `x`."""
        x = x.detach().float()
        if x.numel() == 0:
            return x.clone()
        if self.open:
            return self.fit(x).quantize(x)
        return self._fused(x.contiguous()) if fused(x, *self._tensors) else self._composed(x)

    def fake_quantize(self, x: Tensor, clip: bool = True) -> Tensor:
        """The same values with the straight-through gradient: 1 inside the range, 0 outside (`clip=False`: 1)."""
        from engine.formats.gradient import StraightThrough

        differentiated = torch.is_grad_enabled() and x.requires_grad
        if not differentiated and ordinary(x, *self._tensors):
            return self.quantize(x)
        settled = self.fit(x) if self.open else self
        arguments = settled, clip and settled.saturates, *settled._tensors
        result: Tensor = StraightThrough.apply(x.float(), *arguments)  # type: ignore[no-untyped-call]
        return result

    def saturated(self, x: Tensor) -> Tensor:
        """Where `x` lies outside the format's range: a bool tensor of its shape."""
        x = x.detach().float()
        if x.numel() == 0 or not self.saturates:
            return torch.zeros_like(x, dtype=torch.bool)
        return self.fit(x).saturated(x) if self.open else self._outside(x)

    def fitter(self) -> Fitter:
        """What chooses the open parameters; gives the format itself where nothing is open."""
        return _Settled(self)

    def refiner(self) -> Fitter | None:
        """What chooses a settled scale anew by the least squared error on tensors; None for a format without."""
        return None

    @property
    def per_token(self) -> Format | None:
        """What takes its place on inputs where there are no data to fit it to: a scale for each token."""
        return None

    def fit(self, x: Tensor) -> Format:
        """The format with its open parameters chosen from `x`."""
        fitter = self.fitter()
        fitter.observe(x)
        return fitter.result()

    def stored_bytes(self, shape: Sequence[int]) -> int:
        """Bytes of a packed tensor of this shape: its codes end to end, then its scales."""
        return math.ceil(math.prod(shape) * self._code_bits / 8) + self._scale_bytes(*_rows_and_columns(shape))

    @abstractmethod
    def pack(self, x: Tensor) -> Packed:
        """`quantize(x)` as bytes, on the CPU.

        Raises:
            InputError: where `x` holds NaN and the format has no code for it.
        """

    def pack_parts(self, x: Tensor) -> Packed:
        """What `pack` gives, made a part at a time where `x` is large. The format must be settled."""
        parts = [self.pack(part) for part in self.parts_of(x)] if x.numel() else [self.pack(x)]
        if len(parts) == 1:
            return parts[0]
        tensors = {name: torch.cat([part.tensors[name] for part in parts]) for name in parts[0].tensors}
        return Packed(parts[0].spec, tuple(x.shape), tensors)

    @abstractmethod
    def unpack(self, packed: Packed) -> Tensor:
        """The values again, float32 on the CPU, equal to `quantize` of what was packed."""

    @abstractmethod
    def parts(self, packed: Packed, place: int) -> Iterator[Part]:
        """The code of element `place` of a packed row, field by field; the shared scale is not among them."""

    def sharing(self, index: int, length: int) -> tuple[int, int]:
        """The part of a row of `length` elements, start and end, that one scale serves beside element `index`."""
        return (0, length) if self.shares_scale else (index, index + 1)

    @abstractmethod
    def _composed(self, x: Tensor) -> Tensor:
        """The values by tensor operations, for float32 `x` with at least one element."""

    def _fused(self, x: Tensor) -> Tensor:
        """The same by one pass over a contiguous CPU tensor."""
        return self._composed(x)

    def _outside(self, x: Tensor) -> Tensor:
        """Where float32 `x` saturates; False for NaN. Nowhere, unless a format that `saturates` says where."""
        return torch.zeros_like(x, dtype=torch.bool)

    def _gradient(self, x: Tensor, gradient: Tensor) -> Tensor:
        """`gradient` where `x` does not saturate, 0 elsewhere."""
        return gradient.masked_fill(self._outside(x), 0)

    @property
    def _code_bits(self) -> float:
        return self.bits_per_element

    def _scale_bytes(self, rows: int, columns: int) -> int:
        """Bytes of the scales of `rows` rows."""
        return 0

    def scalars(self) -> dict[str, float | Tensor]:
        """The plain numbers that define it among formats of its `structure`; none where parameters are open."""
        return {} if self.open else {name: getattr(self, name) for name in self.numbers}

    def with_scalars(self, *values: float | Tensor) -> Self:
        """The same format with other `scalars`, in their order; tensors that vmap maps over, for instance."""
        if not values:
            return self
        other = copy.copy(self)
        other._tensors = tuple(value for value in values if isinstance(value, torch.Tensor))
        other._take(*values)
        return other

    def _take(self, *values: float | Tensor) -> None:
        """Puts other `scalars` in the place of its own."""
        for name, value in zip(self.numbers, values, strict=True):
            setattr(self, name, value)

    @property
    def structure(self) -> tuple[object, ...]:
        """Equal for formats that differ in `scalars` alone, so that vmap can evaluate them as one."""
        return (type(self), self.block) if self.scalars() else (str(self),)


def _rows_and_columns(shape: Sequence[int]) -> tuple[int, int]:
    """A tensor as rows of its last dimension; (0, 0) where it is empty."""
    columns = shape[-1] if shape else 1
    return (math.prod(shape) // columns, columns) if math.prod(shape) else (0, 0)


@dataclass(frozen=True, slots=True)
class _Settled:
    """The fitter of a format that has nothing open."""

    format: Format

    def observe(self, x: Tensor) -> None:
        """Nothing depends on it."""

    def result(self) -> Format:
        """The format as it is."""
        return self.format
