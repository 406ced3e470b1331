"""What a run looks like to a reader: screens, commands and figures see nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from engine.runtime.cluster.plan import PLACE

RunState = Literal["queued", "running", "paused", "interrupted", "finished", "failed", "cancelled"]
PointState = Literal["queued", "running", "finished", "failed", "pruned", "cancelled"]
Params = Mapping[str, Any]


_NAMED = 2  # places of a run on a cluster that are listed by name


class Phase(StrEnum):
    """What a running point is at. The pace of its training tells when the run ends; all else is quick beside it."""

    WORKING = "working"
    TRAINING = "training"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running point is: `done` of `total` units of what the `text` says.

    That began at `since` (Unix seconds) with `base` units done, and this was said `at`; `trained` is the share of its
    training that the point has behind it, whatever its `phase` is now.
    """

    done: float
    total: float
    text: str = ""
    at: float = 0.0
    since: float = 0.0
    base: float = 0.0
    trained: float = 0.0
    phase: Phase = Phase.WORKING

    @property
    def fraction(self) -> float:
        """Between 0 and 1."""
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0

    @property
    def doing(self) -> str:
        """The text without its numbers, which follow a comma: for where there is room for a few words."""
        return self.text.partition(",")[0]

    def followed(self, done: float, total: float, text: str, at: float, phase: Phase = Phase.WORKING) -> "Progress":
        """What is known after another report."""
        fresh = Progress(done, total, text, at, at, done, self.trained, phase)
        if (phase, fresh.doing) == (self.phase, self.doing) and total == self.total and done >= self.done:
            fresh = replace(fresh, since=self.since, base=self.base)
        return replace(fresh, trained=fresh.fraction) if phase == Phase.TRAINING else fresh

    @property
    def phase_seconds(self) -> float | None:
        """How long all of it takes at its pace so far; None until a twentieth of it is done."""
        share = (self.done - self.base) / self.total if self.total > 0 else 0.0
        return (self.at - self.since) / share if share >= 0.05 else None


@dataclass(frozen=True, slots=True)
class PointRecord:
    """One point of a run. `result` is set once finished, `error` (type, message, traceback) once failed."""

    index: int
    params: Params
    state: PointState = "queued"
    attempt: int = 0
    device: str | None = None
    started: float | None = None
    ended: float | None = None
    result: Mapping[str, Any] | None = None
    error: Mapping[str, str] | None = None
    progress: Progress | None = None
    metrics: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        """How long the last attempt took."""
        return self.ended - self.started if self.started is not None and self.ended is not None else None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as it stands: times are Unix seconds, `notes` holds facts about the whole run such as its baseline.

    `hardware` says in words what it was started on. `problem` is what its driver is waiting for or has met ("disk
    full", "waiting for cpu"), in words; `pausing` says that it has been asked to stop after what
    runs. `seats` tasks run side by side on each device, with `threads` each.
    `recipe` is what it keeps of the recipe that it was started from.
    """

    id: str
    name: str
    experiment: str
    state: RunState
    config: Mapping[str, Any]
    path: Path
    created: float
    started: float | None = None
    ended: float | None = None
    seed: int = 0
    devices: tuple[str, ...] = ()
    seats: int = 1
    threads: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)
    hardware: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    pausing: bool = False
    points: tuple[PointRecord, ...] = ()
    _by_state: dict[PointState, tuple[PointRecord, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def on_cluster(self) -> bool:
        """Whether its points are computed on the nodes of a cluster, whose names stand before their devices."""
        return self.devices == (PLACE,)

    @property
    def placed(self) -> str:
        """Its devices; of a cluster also the places of its points: `ray: node-1 cpu, node-2 cpu and 3 others`."""
        text = ", ".join(self.devices)
        if not self.on_cluster:
            return text
        found = [*dict.fromkeys(point.device for point in (*self.running, *self.finished) if point.device)]
        others = f" and {len(found) - _NAMED} others" if len(found) > _NAMED + 1 else ""
        named = found[:_NAMED] if others else found
        return f"{text}: {', '.join(named)}{others}" if named else text

    @property
    def where(self) -> str:
        """Its devices, and how points share them: `cpu (2 points at once, 1 thread each)`."""
        shared = (
            f"{self.seats} point{'s' * (self.seats > 1)} at once, {self.threads} thread{'s' * (self.threads > 1)} each"
        )
        return self.placed + (f" ({shared})" if self.threads else "")

    @property
    def places(self) -> int:
        """How many tasks run side by side at most."""
        return max(1, len(self.devices)) * self.seats

    @property
    def active(self) -> bool:
        """Whether a driver process is at work on it."""
        return self.state in ("queued", "running")

    @property
    def finished(self) -> tuple[PointRecord, ...]:
        """The points that have a result."""
        return self._in("finished")

    @property
    def failed(self) -> tuple[PointRecord, ...]:
        """The points that have an error."""
        return self._in("failed")

    @property
    def running(self) -> tuple[PointRecord, ...]:
        """The points that are being computed."""
        return self._in("running")

    @property
    def done(self) -> int:
        """How many points have come to an end of their own: with a result, or failed."""
        return sum(len(self._in(state)) for state in ("finished", "failed", "pruned"))

    def _in(self, state: PointState) -> tuple[PointRecord, ...]:
        """Looked at once: screens ask often, and a run may have thousands of points."""
        if not self._by_state:
            found: dict[PointState, list[PointRecord]] = {}
            for point in self.points:
                found.setdefault(point.state, []).append(point)
            self._by_state.update({state: tuple(points) for state, points in found.items()})
        return self._by_state.get(state, ())
