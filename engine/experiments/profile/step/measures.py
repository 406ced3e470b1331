"""What a point of `step` measures."""

from dataclasses import dataclass
from typing import Annotated

from engine.experiments.profile.bodies import BodyParams
from engine.experiments.recorded import Quantity, Recorded, TypedPoint
from engine.tasks.metric import Bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent(Recorded):
    """Seconds a step; `own` leaves out what was spent further inside, `share` is that of all own time."""

    name: Annotated[str, Quantity("Name")]
    kind: Annotated[str, Quantity("Kind")]
    calls: Annotated[float, Quantity("Calls", "number")]
    own: Annotated[float, Quantity("Own", "seconds")]
    total: Annotated[float, Quantity("Total", "seconds")]
    share: Annotated[float, Quantity("Share", "percent")]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult(Recorded):
    """`time` is a step without the profiler, median and quartiles, `profiled` one with it; `bytes` those at the peak.

    `trace` is the Chrome trace's file below the run's folder.
    """

    tokens: Annotated[int, Quantity("Tokens", "number")]
    time: Annotated[Bounded, Quantity("Time", "seconds")]
    profiled: Annotated[float, Quantity("Profiled", "seconds")]
    bytes: Annotated[int, Quantity("Memory", "bytes")]
    operators: tuple[Spent, ...]
    layer_times: tuple[Spent, ...]
    phases: tuple[Spent, ...]
    trace: Annotated[str | None, Quantity("Trace")]


StepPoint = TypedPoint[BodyParams, StepResult]
