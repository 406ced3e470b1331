"""What rounding costs the outputs of each layer, to second order: a ranking of layers without a measured score."""

from collections.abc import Mapping, Sequence

from torch import nn

from engine.compress.batches import Batch
from engine.compress.layers import quantized_layers
from engine.compress.methods.rounding import objective
from engine.compress.methods.walk import Inputs, plan_of, walk
from engine.layers import weight_of


def second_order(
    model: nn.Module, quantised: Mapping[str, nn.Module], batches: Sequence[Batch]
) -> dict[tuple[str, str], float]:
    """tr((W−Q)·H·(W−Q)ᵀ) by key of `quantised` and layer: H = 2·XᵀX/n of the inputs of the layer in `model`.

    It is twice the mean squared change of the layer's outputs, summed over them, where its weights alone are rounded:
    the second-order term that GPTQ (Frantar et al. 2022) makes small. Tables are looked up, not multiplied: they have
    none.

    Raises:
        InputError: no batches, or a layer that nothing enters.
    """
    layers = {
        key: {name: layer for name, layer in quantized_layers(one).items() if not layer.kind.table}
        for key, one in quantised.items()
    }
    names = dict.fromkeys(name for found in layers.values() for name in found)
    scores: dict[tuple[str, str], float] = {}

    def visit(found: Sequence[Inputs]) -> None:
        for inputs in found:
            for key, name in ((key, name) for key in layers for name in inputs.names if name in layers[key]):
                layer = layers[key][name]
                rows = layer.kind.rows(weight_of(layer).detach()).float()
                values = layer.weight_format.format.quantize(rows)
                scores[key, name] = objective(rows, values, inputs.moments.hessian)

    if names:
        walk(model, plan_of(model, list(names), batches), batches, visit)
    return scores
