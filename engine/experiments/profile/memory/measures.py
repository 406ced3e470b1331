"""What a point of `memory` is asked for, and what it counts."""

from dataclasses import dataclass
from typing import Annotated

from engine.experiments.profile.fields import short
from engine.experiments.profile.study import StudyParams
from engine.experiments.recorded import Quantity, Recorded, TypedPoint

PACKED = "packed weights"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryParams(StudyParams):
    """`group` numbers share a scale."""

    what: Annotated[str, Quantity("What")]
    subject: Annotated[str, Quantity("Subject")]
    group: Annotated[int, Quantity("Group", "number")]

    @property
    def parts(self) -> tuple[str, ...]:
        """Subject and group."""
        return short(self.subject), f"groups of {self.group}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding(Recorded):
    """What one layer holds of one kind: bytes now, and in float32."""

    layer: Annotated[str, Quantity("Layer")]
    kind: Annotated[str, Quantity("Kind")]
    packed: Annotated[bool, Quantity("Packed")]
    bytes: Annotated[int, Quantity("After", "bytes")]
    float_bytes: Annotated[int, Quantity("Before", "bytes")]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryResult(Recorded):
    """Bytes before and after; `ideal` is the share that the format saves of what it packs, `scratch` are bytes for the
    largest packed weight, decoded.
    """

    against_bytes: Annotated[int, Quantity("Before", "bytes")]
    bytes: Annotated[int, Quantity("Memory", "bytes")]
    saving: Annotated[float, Quantity("Saved", "percent")]
    ideal: Annotated[float, Quantity("Ideal", "percent")]
    scratch: Annotated[int, Quantity("Scratch", "bytes")]
    holdings: tuple[Holding, ...]

    @property
    def kinds(self) -> dict[str, tuple[int, int]]:
        """Bytes before and after by kind of content, the largest first; packed weights apart from what stays."""
        sums: dict[str, tuple[int, int]] = {}
        for held in self.holdings:
            kind = PACKED if held.packed else held.kind
            before, after = sums.get(kind, (0, 0))
            sums[kind] = before + held.float_bytes, after + held.bytes
        return dict(sorted(sums.items(), key=lambda item: -item[1][0]))


MemoryPoint = TypedPoint[MemoryParams, MemoryResult]
