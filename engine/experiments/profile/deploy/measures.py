"""What a point of `deploy` is asked for, and what it measures."""

from dataclasses import dataclass
from typing import Annotated

from engine.experiments.profile.study import StudyParams
from engine.experiments.recorded import Part, Quantity, Recorded, TypedPoint
from engine.experiments.shared.measured import Tested
from engine.tasks.metric import Bounded

FIRST = "eager"
"""The engine that the others are laid beside."""
MACHINE = "machine"
"""The run's note of what the machine reaches."""
IDLE = 4.0
"""A call that takes so many times what its reading and its arithmetic should is held up by something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployParams(StudyParams):
    """`sequence` tokens in each of `batch` samples; None: 128, or what the model takes."""

    what: Annotated[str, Quantity("What")]
    engine: Annotated[str, Quantity("Engine")]
    subject: Annotated[str, Quantity("Subject")]
    batch: Annotated[int, Quantity("Batch", "number")]
    sequence: Annotated[int | None, Quantity("Sequence", "number")] = None

    @property
    def parts(self) -> tuple[str, ...]:
        """Engine, batch and length."""
        length = "" if self.sequence is None else f"{self.sequence:,} tokens"
        return self.what, f"batch {self.batch}", length


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached(Recorded):
    """What the machine reaches: bytes a second of a copy, operations a second of a product; what its processor can do.

    `integers`: products of 8-bit integers. `halves`: of bfloat16.
    """

    copy: float
    float32: float
    bfloat16: float
    integers: bool
    halves: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployResult(Recorded):
    """`time` is a call, `against` one of eager torch: medians with their quartiles.

    `load` is the building, from the model in memory to a loaded engine; `bytes` are those loaded, `float_bytes` the
    model's own. `operations` are floating-point operations of a call, `linear` the share of the eager time that linear
    layers take. `energy` are joules a sample; where nothing counts them `energy_why` says so. With data it is `tested`,
    by the metric of its `task`.
    """

    tokens: Annotated[int, Quantity("Tokens", "number")]
    load: Annotated[float, Quantity("Build", "seconds")]
    first_call: Annotated[float, Quantity("First call", "seconds")]
    time: Annotated[Bounded, Quantity("Time", "seconds")]
    against: Annotated[Bounded, Quantity("Baseline", "seconds")]
    speedup: Annotated[float, Quantity("Speedup", "number")]
    disturbed: Annotated[bool, Quantity("Disturbed")]
    samples_per_second: Annotated[float, Quantity("Samples/s", "number")]
    bytes: Annotated[int, Quantity("Loaded", "bytes")]
    float_bytes: Annotated[int, Quantity("Float", "bytes")]
    difference: Annotated[float, Quantity("Max diff.", "number")]
    operations: Annotated[int, Quantity("Operations", "number")]
    linear: Annotated[float, Quantity("Linear", "percent")]
    peak_memory: Annotated[float | None, Quantity("Memory", "bytes")]
    energy: Annotated[float | None, Quantity("J/sample", "number")] = None
    energy_why: Annotated[str, Quantity("No energy")] = ""
    tested: Annotated[Tested | None, Part("", {"delta": "Δ model"})] = None
    task: Annotated[str | None, Quantity("Task")] = None

    def should(self, machine: Reached) -> tuple[float, float]:
        """Seconds that reading the weights once and the arithmetic take at the rates of this machine."""
        return self.float_bytes / machine.copy, self.operations / machine.float32

    def idles(self, machine: Reached) -> bool:
        """Whether most of an eager call is neither."""
        return self.against.value > IDLE * max(self.should(machine))


DeployPoint = TypedPoint[DeployParams, DeployResult]
