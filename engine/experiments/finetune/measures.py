"""What a point of `finetune` is asked for, and what it measures."""

from dataclasses import dataclass
from typing import Annotated

from engine.experiments.recorded import NamedParams, Part, Quantity, Recorded, TypedPoint
from engine.experiments.shared.measured import Concluded, Share
from engine.experiments.shared.teaching import TaughtBy, taught


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneParams(NamedParams):
    """`rank` is that of LoRA."""

    method: Annotated[str, Quantity("Method")]
    learning_rate: Annotated[float, Quantity("Rate", "number")]
    rank: Annotated[int | None, Quantity("Rank", "number")] = None
    teacher: TaughtBy = None

    @property
    def way(self) -> str:
        """The name without the rate: `lora r8`."""
        return self.method + ("" if self.rank is None else f" r{self.rank}")

    @property
    def name(self) -> str:
        """`full 1e-4`, `lora r8 1e-4`, `full 1e-4 teacher start`."""
        return f"{self.way} {self.learning_rate:g}{taught(self.teacher)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trains(Recorded):
    """How many parameters train, their bytes, and how many there are, adapters included."""

    trainable: Annotated[int, Quantity("Trained", "number")]
    trainable_bytes: Annotated[int, Quantity("Bytes", "bytes")]
    parameters: Annotated[int, Quantity("Of", "number")]
    covered: Share = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneResult(Recorded):
    """`best_step` is the one whose weights were kept; `rate` is that of the steps alone.

    `merge_difference` is the largest between logits before and after LoRA was merged, on one batch.
    """

    measured: Annotated[Concluded, Part()]
    trains: Annotated[Trains, Part()]
    merge_difference: Annotated[float | None, Quantity("Merge difference", "number")] = None
    steps: Annotated[int, Quantity("Steps", "number")]
    best_step: Annotated[int, Quantity("Best step", "number")]
    rate: Annotated[float, Quantity("{Samples}/s", "number", key="{samples}_per_second")]


FinetunePoint = TypedPoint[FinetuneParams, FinetuneResult]
