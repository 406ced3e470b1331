"""What a point of `prune` is asked for, and what it measures."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, get_args

from engine.experiments.recorded import NamedParams, Part, Quantity, Recorded, TypedPoint
from engine.experiments.shared.measured import Compared, Concluded, Share
from engine.experiments.shared.teaching import TaughtBy, taught
from engine.scores.registry import SCORES
from engine.tasks.metric import Bounded

METHODS = (*SCORES, "sparsegpt", "movement")
if TYPE_CHECKING:
    Method: TypeAlias = str
else:
    Method = Literal[METHODS]
Granularity = Literal["weights", "n:m", "neurons", "heads", "channels"]
Scope = Literal["layer", "global"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneParams(NamedParams):
    """`of` is the granularity, or a pattern such as `2:4`, whose own the sparsity is then."""

    method: Annotated[Method, Quantity("Method")]
    sparsity: Annotated[float, Quantity("Sparsity", "number")]
    of: Annotated[str, Quantity("Of", key="granularity")]
    scope: Annotated[Scope, Quantity("Scope")]
    teacher: TaughtBy = None

    @property
    def granularity(self) -> Granularity:
        """What is taken away at a time."""
        return next((one for one in get_args(Granularity) if one == self.of), "n:m")

    @property
    def name(self) -> str:
        """`l1 0.5`, `l1 2:4`, `random heads 0.5`."""
        if self.granularity == "n:m":
            return f"{self.method} {self.of}{taught(self.teacher)}"
        part = "" if self.of == "weights" else f" {self.of}"
        return f"{self.method}{part} {self.sparsity:g}{taught(self.teacher)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunedLayer(Recorded):
    """What is left of one layer: `rows` × `columns` of the matrix, of the `elements` that it began with.

    `map` has a character for each sixteenth of the rows it began with, darker where more survives.
    """

    name: Annotated[str, Quantity("Layer")]
    sparsity: Annotated[float, Quantity("Gone", "percent")]
    rows: Annotated[int, Quantity("Rows", "number")]
    columns_left: Annotated[int, Quantity("Columns", "number", key="columns")]
    elements: Annotated[int, Quantity("Elements", "number")]
    map: Annotated[str, Quantity("Survivors by row")]


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneResult(Recorded):
    """After fine-tuning, where there was any; `pruned` is the same straight after pruning.

    `true_sparsity` is the share of the pruned layers' weights that are zero or cut away. `latency` is that of a batch
    of the longest samples, median and quartiles, `speedup` how many times as long the uncut model takes.
    """

    measured: Annotated[Concluded, Part()]
    pruned: Annotated[Compared | None, Part("pruned_", {"score": "Before"})] = None
    true_sparsity: Annotated[float | None, Quantity("Gone", "percent")] = None
    covered: Share = None
    zeroed_inputs: Annotated[float | None, Quantity("Zeroed inputs", "percent")] = None
    latency: Annotated[Bounded | None, Quantity("Batch", "seconds")] = None
    speedup: Annotated[float | None, Quantity("Speedup", "number")] = None
    layers: tuple[PrunedLayer, ...] = ()


PrunePoint = TypedPoint[PruneParams, PruneResult]
