"""The outcome of each test sample, kept with a result, so that points of a run are compared on the same samples."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from engine.experiments.recorded import Quantity, Recorded
from engine.tasks.metric import Bounded, Metric
from engine.training.statistics import matched_difference

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes(Recorded):
    """Which samples were told right, a bit each of a hexadecimal number, the first the highest."""

    right: Annotated[str, Quantity("Right")]
    samples: Annotated[int, Quantity("Samples", "number")]


def kept(outcomes: "Tensor") -> Outcomes | None:
    """Outcomes as they are recorded; None of outcomes that are losses."""
    import torch

    if outcomes.dtype != torch.bool:
        return None
    bits = "".join("1" if one else "0" for one in outcomes.tolist())
    return Outcomes(right=f"{int(bits, 2):x}", samples=len(bits))


def gain(one: Outcomes | None, other: Outcomes | None) -> Bounded | None:
    """The accuracy of one point minus that of another on the same samples, with its 95 % interval.

    None where the outcomes of either were not kept, or they are of different samples.
    """
    if one is None or other is None or one.samples != other.samples:
        return None
    a, b = int(one.right, 16), int(other.right, 16)
    return Bounded(*matched_difference((a & ~b).bit_count(), (b & ~a).bit_count(), one.samples))


def apart(one: Bounded, other: Bounded, metric: Metric) -> float:
    """How much better one score is than another where both intervals are passed, else 0; worse is below 0."""
    better = metric.goodness(one.value) - metric.goodness(other.value)
    first, second = (one, other) if better > 0 else (other, one)
    worst = min(metric.goodness(first.low), metric.goodness(first.high))
    return better if worst > max(metric.goodness(second.low), metric.goodness(second.high)) else 0.0
