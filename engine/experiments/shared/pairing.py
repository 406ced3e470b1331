"""The outcome of each test sample, kept with a result, so that points of a run are compared on the same samples."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.tasks.metric import Metric
from engine.training.statistics import matched_difference

if TYPE_CHECKING:
    from torch import Tensor

OUTCOMES = "outcomes"


def kept(outcomes: "Tensor") -> dict[str, Any]:
    """Which samples were told right, a bit each, the first the highest; nothing of outcomes that are losses."""
    import torch

    if outcomes.dtype != torch.bool:
        return {}
    bits = "".join("1" if one else "0" for one in outcomes.tolist())
    return {OUTCOMES: {"right": f"{int(bits, 2):x}", "samples": len(bits)}}


def gain(result: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any] | None:
    """The accuracy of one result minus that of another on the same samples, as a `delta` with its 95 % interval.

    None where the outcomes of either were not kept, or they are of different samples.
    """
    one, two = result.get(OUTCOMES), other.get(OUTCOMES)
    if not one or not two or one["samples"] != two["samples"]:
        return None
    a, b = int(one["right"], 16), int(two["right"], 16)
    delta, low, high = matched_difference((a & ~b).bit_count(), (b & ~a).bit_count(), one["samples"])
    return {"delta": delta, "delta_low": low, "delta_high": high, "samples": one["samples"]}


def apart(result: Mapping[str, Any], other: Mapping[str, Any], metric: Metric) -> float:
    """How much better one result is than another where both intervals are passed, else 0; worse is below 0."""
    value, low, high = metric.bounded()
    better = metric.goodness(result[value]) - metric.goodness(other[value])
    first, second = (result, other) if better > 0 else (other, result)
    worst = min(metric.goodness(first[low]), metric.goodness(first[high]))
    return better if worst > max(metric.goodness(second[low]), metric.goodness(second[high])) else 0.0
