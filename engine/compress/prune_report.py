"""What pruning has left of each layer: counts, and where in the matrix the survivors lie."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.compress.batches import Batch, watch_inputs
from engine.compress.layers import Quantized
from engine.compress.prune_masks import mask_of, thresholds
from engine.layers import kind_of, live_layers

STRIPS = 16
_RAMP = "_.:-=+*#%@"  # from nothing left to everything left: ten steps that every terminal has


@dataclass(frozen=True, slots=True)
class LayerSparsity:
    """One layer. `sparsity` is the share (0 to 1) of the `elements` it began with that are masked, zero or cut away.

    `rows` × `columns` is what is left of the matrix; `map` has a character for each sixteenth of the rows it began
    with, darker where more survives.
    """

    name: str
    sparsity: float
    rows: int
    columns: int
    elements: int
    map: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as they are recorded."""
        return dataclasses.asdict(self)


def sparsity_report(model: nn.Module, original: nn.Module) -> list[LayerSparsity]:
    """The layers of `model` that are pruned, beside what they were in `original`, in the model's order."""
    whole = live_layers(original)
    found = []
    for name in live_layers(model):
        if name not in whole:
            continue
        layer = model.get_submodule(name)
        weight, first = _weight(layer), _weight(original.get_submodule(name))
        if mask_of(layer) is None and weight.shape == first.shape:
            continue
        alive = _used(layer) != 0
        elements = first.numel()
        found.append(
            LayerSparsity(
                name=name,
                sparsity=1 - int(alive.count_nonzero()) / elements,
                rows=weight.shape[0],
                columns=weight.shape[1],
                elements=elements,
                map=survival_map(alive, first.shape[0]),
            )
        )
    return found


def zeroed_inputs(model: nn.Module, batches: Iterable[Batch]) -> float:
    """The share of inputs that is zero where small inputs are zeroed, over all tokens of some batches."""
    zeros = total = 0

    def watch(x: Tensor) -> None:
        nonlocal zeros, total
        zeros, total = zeros + x.numel() - int(x.count_nonzero()), total + x.numel()

    watch_inputs(model, dict.fromkeys(thresholds(model), watch), list(batches))
    return zeros / total if total else 0.0


def survival_map(alive: Tensor, rows: int) -> str:
    """A character for each strip of the `rows` that there were; rows that were cut away come last, as gone."""
    shares = torch.zeros(rows)
    shares[: len(alive)] = alive.float().mean(1).cpu()
    strips = shares.tensor_split(min(STRIPS, rows))
    return "".join(_RAMP[min(len(_RAMP) - 1, round(float(strip.mean()) * (len(_RAMP) - 1)))] for strip in strips)


def overall(layers: Iterable[LayerSparsity]) -> float:
    """The share of all weights of these layers that are gone; 0 of none."""
    counted = [(layer.sparsity * layer.elements, layer.elements) for layer in layers]
    total = sum(elements for _, elements in counted)
    return sum(gone for gone, _ in counted) / total if total else 0.0


def _used(layer: nn.Module) -> Tensor:
    """The weight that the layer computes with: quantised where it has a format."""
    weight = _weight(layer)
    if isinstance(layer, Quantized):
        return layer.weight_format.format.quantize(weight)
    return weight


def _weight(layer: nn.Module) -> Tensor:
    """A layer's weight as rows."""
    weight, kind = layer.weight, kind_of(layer)
    assert isinstance(weight, Tensor)
    assert kind is not None
    return kind.rows(weight.detach())
