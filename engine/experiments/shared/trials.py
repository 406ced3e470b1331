"""What the points of a search are, beside what their space says, and what they measure."""

from dataclasses import dataclass
from typing import Annotated

from engine.experiments.recorded import Part, Quantity, Recorded
from engine.experiments.shared.measured import Tested
from engine.tasks.metric import Bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialParams(Recorded):
    """`trial` counts from 0 with each seed. A search's last point has a `stage`, and the `chosen` point's index."""

    trial: Annotated[int | None, Quantity("Trial", "number")] = None
    seed: Annotated[int | None, Quantity("Seed", "number")] = None
    given: Annotated[str | None, Quantity("Given")] = None
    stage: Annotated[str | None, Quantity("Stage")] = None
    chosen: Annotated[int | None, Quantity("Chosen", "number")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult(Recorded):
    """The validation score, which trials are chosen by, and what is lost of the baseline's; `bytes` as written.

    `feasible` says whether it keeps the constraints; then the `model` is kept. Of the chosen trial alone is `tested`.
    """

    validation: Annotated[Bounded, Quantity("Validation", "score", key="validation_{metric}", bounds="validation")]
    validation_samples: Annotated[int, Quantity("Validation samples", "number")]
    validation_error: Annotated[float | None, Quantity("Validation error", "number")] = None
    lost: Annotated[float | None, Quantity("Lost", "score")] = None
    bytes: Annotated[int | None, Quantity("Size", "bytes")] = None
    feasible: Annotated[bool | None, Quantity("Feasible")] = None
    model: Annotated[str | None, Quantity("Saved in")] = None
    tested: Annotated[Tested | None, Part("", {"score": "Test"})] = None
