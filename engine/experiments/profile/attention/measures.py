"""What a point of `attention` is asked for, and what it measures."""

from dataclasses import dataclass
from typing import Annotated

from engine.experiments.profile.attention.config import Mask
from engine.experiments.profile.fields import Dtype
from engine.experiments.profile.study import StudyParams
from engine.experiments.recorded import Quantity, Recorded, TypedPoint
from engine.tasks.metric import Bounded

NAIVE = "naive"
"""The way that is written out, operator by operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionParams(StudyParams):
    """`length` tokens attend to each other; `what` are heads, length, head size and mask in a word."""

    what: Annotated[str, Quantity("What")]
    length: Annotated[int, Quantity("Length", "number")]
    head_size: Annotated[int, Quantity("Head size", "number")]
    dtype: Annotated[Dtype, Quantity("Type")]
    mask: Annotated[Mask, Quantity("Mask")]

    @property
    def parts(self) -> tuple[str, ...]:
        """Shape and type."""
        return self.what, self.dtype

    @property
    def setting(self) -> str:
        """All but the length."""
        return f"{self.dtype}, heads of {self.head_size}, {self.mask}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way(Recorded):
    """One way at one shape: `bytes` beyond the inputs at the peak, the largest `difference` from float64.

    What could not be measured is None, and the `note` says why.
    """

    name: Annotated[str, Quantity("Way", key="way")]
    time: Annotated[Bounded | None, Quantity("Time", "seconds")] = None
    bytes: Annotated[int | None, Quantity("Peak", "bytes")] = None
    difference: Annotated[float | None, Quantity("Max diff.", "number")] = None
    note: Annotated[str, Quantity("Note")] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionResult(Recorded):
    """All ways, the naive one first; the other numbers are those of the `best` fused way, `against` the naive time."""

    ways: tuple[Way, ...]
    best: Annotated[str | None, Quantity("Fused")] = None
    time: Annotated[float | None, Quantity("Time", "seconds")] = None
    against: Annotated[float | None, Quantity("Baseline", "seconds")] = None
    speedup: Annotated[float | None, Quantity("Speedup", "number")] = None
    bytes: Annotated[int | None, Quantity("Memory", "bytes")] = None
    difference: Annotated[float | None, Quantity("Max diff.", "number")] = None

    def way(self, name: str | None) -> Way | None:
        """The way of that name."""
        return next((way for way in self.ways if way.name == name), None)


AttentionPoint = TypedPoint[AttentionParams, AttentionResult]
