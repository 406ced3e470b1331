"""What quantisation does to each layer."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

from engine.compress.layers import quantized_layers
from engine.compress.prune_masks import mask_of
from engine.compress.signal import noise
from engine.layers import weight_of


@dataclasses.dataclass(frozen=True, slots=True)
class LayerReport:
    """One layer. `bits` is what a weight costs, shared scales of a block included; SQNR is in dB.

    `inputs` is the format of its inputs, empty where that is the weight's or there is none. `prepare` is how it is
    prepared, empty where it is not, `absorbed` the module that divides its inputs in its place, empty where there is
    none; SQNR is that of prepared weights and inputs. `zeros` and `saturated` are shares (0 to 1) of its `elements`
    weights; `zeros` counts weights that became zero or were.
    `sqnr_input_db` is None where inputs are not quantised or were not measured.
    """

    name: str
    spec: str
    inputs: str
    prepare: str
    absorbed: str
    bits: float
    sqnr_weight_db: float | None
    sqnr_input_db: float | None
    zeros: float
    saturated: float
    elements: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as they are recorded, without those that are empty."""
        return {key: value for key, value in dataclasses.asdict(self).items() if value != ""}


def layer_report(model: nn.Module) -> list[LayerReport]:
    """A report for each quantised layer of a model, in the model's order."""
    reports = []
    for name, layer in quantized_layers(model).items():
        inputs = "" if layer.input_format is None else str(layer.input_format.format)
        weight, chosen = layer.kind.rows(layer.weight.detach()), layer.weight_format.format
        with torch.no_grad():
            rounded = layer.kind.rows(layer.quantized()[0])
        measured = layer.noise or noise(chosen, weight, rounded)
        reports.append(
            LayerReport(
                name=name,
                spec=str(chosen),
                inputs="" if inputs == str(chosen) else inputs,
                prepare="" if (done := layer.preparation or layer.absorbed) is None else str(done.preparing),
                absorbed="" if layer.absorbed is None else layer.absorbed.by,
                bits=chosen.bits_per_element,
                sqnr_weight_db=measured.sqnr_db,
                sqnr_input_db=layer.input_sqnr,
                zeros=measured.zeros,
                saturated=measured.saturated,
                elements=weight.numel(),
            )
        )
    return reports


def summarize(layers: Sequence[LayerReport]) -> dict[str, float | None]:
    """The layers in one line: median SQNR (dB), and over all weights mean bits and shares zero and saturated.

    Without quantised layers the weights are float32 as they were.
    """
    if not layers:
        return {"sqnr_db": None, "bits": 32.0, "zeros": 0.0, "saturated": 0.0}
    elements = sum(layer.elements for layer in layers)
    ratios = sorted(layer.sqnr_weight_db for layer in layers if layer.sqnr_weight_db is not None)
    middle = len(ratios) // 2

    def mean(values: Iterable[float]) -> float:
        return math.fsum(value * layer.elements for value, layer in zip(values, layers, strict=True)) / elements

    return {
        "sqnr_db": (ratios[middle] + ratios[~middle]) / 2 if ratios else None,
        "bits": mean(layer.bits for layer in layers),
        "zeros": mean(layer.zeros for layer in layers),
        "saturated": mean(layer.saturated for layer in layers),
    }


def by_method(model: nn.Module) -> dict[str, int]:
    """What methods and preparations did to how many layers.

    `damped`: rounded on too few samples for an H of full rank; `prepared`: prepare their inputs; `absorbed`: have them
    prepared by what comes before. Nothing is said where no method rounded any, or none is prepared.
    """
    layers = list(quantized_layers(model).values())
    rounded = [layer for layer in layers if layer.noise is not None]
    prepared = sum(layer.preparation is not None for layer in layers)
    absorbed = sum(layer.absorbed is not None for layer in layers)
    damped = {"damped": sum(layer.short for layer in rounded)} if rounded else {}
    return damped | ({"prepared": prepared, "absorbed": absorbed} if prepared + absorbed else {})


def pruned_share(model: nn.Module) -> float | None:
    """The share (0 to 1) of all quantised weights that masks take away; None where there is no mask."""
    layers = quantized_layers(model).values()
    masks = [mask for layer in layers if (mask := mask_of(layer)) is not None]
    gone = sum(mask.numel() - int(mask.count_nonzero()) for mask in masks)
    return gone / sum(weight_of(layer).numel() for layer in layers) if masks else None
