"""What a point of `mxint8` is asked for, and what it measures."""

from dataclasses import dataclass
from typing import Annotated

from engine.experiments.profile.fields import Dtype
from engine.experiments.profile.study import StudyParams
from engine.experiments.recorded import Quantity, Recorded, TypedPoint
from engine.tasks.metric import Bounded

COPY, OURS = "copy", "labtui"


@dataclass(frozen=True, slots=True, kw_only=True)
class MXInt8Params(StudyParams):
    """So many `elements` in groups of `group`, decoded to `dtype`."""

    what: Annotated[str, Quantity("What")]
    elements: Annotated[int, Quantity("Elements", "number")]
    group: Annotated[int, Quantity("Group", "number")]
    dtype: Annotated[Dtype, Quantity("Type")]

    @property
    def parts(self) -> tuple[str, ...]:
        """Size, group and type."""
        return f"{self.elements:,} numbers", f"groups of {self.group}", str(self.dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel(Recorded):
    """One kernel at one size: `rate` in GB/s of what must move, `share` of the copy's; None where it did not run."""

    name: Annotated[str, Quantity("Kernel", key="kernel")]
    time: Annotated[Bounded | None, Quantity("Time", "seconds")] = None
    rate: Annotated[float | None, Quantity("GB/s", "number")] = None
    share: Annotated[float | None, Quantity("of copy", "percent")] = None
    note: Annotated[str, Quantity("Note")] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MXInt8Result(Recorded):
    """All kernels; the other numbers are ours, `against` the time of the next best but the copy."""

    kernels: tuple[Kernel, ...]
    time: Annotated[float | None, Quantity("Time", "seconds")] = None
    against: Annotated[float | None, Quantity("Baseline", "seconds")] = None
    speedup: Annotated[float | None, Quantity("Speedup", "number")] = None
    share: Annotated[float | None, Quantity("of copy", "percent")] = None
    rate: Annotated[float | None, Quantity("GB/s", "number")] = None

    def kernel(self, name: str) -> Kernel | None:
        """The kernel of that name."""
        return next((one for one in self.kernels if one.name == name), None)

    @property
    def others(self) -> list[tuple[Kernel, Bounded]]:
        """The alternatives that ran, with their times."""
        return [(one, one.time) for one in self.kernels if one.name not in (COPY, OURS) and one.time is not None]


MXInt8Point = TypedPoint[MXInt8Params, MXInt8Result]
