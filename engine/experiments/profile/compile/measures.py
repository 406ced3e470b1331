"""What a point of `compile` measures."""

from dataclasses import dataclass
from typing import Annotated

from engine.experiments.profile.bodies import BodyParams
from engine.experiments.recorded import Quantity, Recorded, TypedPoint
from engine.tasks.metric import Bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileResult(Recorded):
    """`time` is a compiled call, `against` an eager one: medians with their quartiles, after warm-up.

    `start_up` is what the compiler takes to start, once in a process, `first_call` the compilation. After `pays_after`
    calls it has cost less time than it saved; None: never. `difference` is the largest between the outputs, of which
    `largest` is the largest. `graphs` are those that the forward falls into, `breaks` why.
    """

    tokens: Annotated[int | None, Quantity("Tokens", "number")] = None
    start_up: Annotated[float, Quantity("Start-up", "seconds")]
    first_call: Annotated[float, Quantity("First", "seconds")]
    time: Annotated[Bounded, Quantity("Time", "seconds")]
    against: Annotated[Bounded, Quantity("Baseline", "seconds")]
    speedup: Annotated[float, Quantity("Speedup", "number")]
    pays_after: Annotated[int | None, Quantity("Pays after", "number")]
    difference: Annotated[float, Quantity("Max diff.", "number")]
    largest: Annotated[float, Quantity("Largest output", "number")]
    graphs: Annotated[int, Quantity("Graphs", "number")]
    breaks: tuple[str, ...]
    disturbed: Annotated[bool, Quantity("Disturbed")] = False

    @property
    def cost(self) -> float:
        """Seconds that the first call takes beyond any other."""
        return self.first_call - self.time.value


CompilePoint = TypedPoint[BodyParams, CompileResult]
