"""What a calibration keeps of itself while it runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


class Checkpoint(Protocol):
    """Where what is finished is kept, so that a calibration that was killed goes on with the same numbers."""

    def load(self) -> tuple[int, Mapping[str, Tensor]]:
        """How many stages are finished, and their layers' tensors; (0, {}) at the beginning."""

    def save(self, stage: int, tensors: Mapping[str, Tensor]) -> None:
        """Keeps so many stages."""


@dataclass(frozen=True)
class Following:
    """The checkpoint of a second calibration: it counts on from the `stages` of the first, and keeps its `tensors`."""

    whole: Checkpoint
    stages: int
    tensors: Mapping[str, Tensor]

    def load(self) -> tuple[int, Mapping[str, Tensor]]:
        """What is finished of the second."""
        stage, tensors = self.whole.load()
        return max(stage - self.stages, 0), {name: one for name, one in tensors.items() if name not in self.tensors}

    def save(self, stage: int, tensors: Mapping[str, Tensor]) -> None:
        """Keeps so many stages of the second, and all of the first."""
        self.whole.save(self.stages + stage, {**self.tensors, **tensors})
