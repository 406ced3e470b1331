"""Prepared layers in a model's place: the same function, other numbers to round."""

import copy
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from engine.compress.layers import Quantized, quantized_layer, replace_layers
from engine.compress.preparation import Preparation, joined, parted
from engine.compress.prune_masks import rebuilt
from engine.compress.selection import sharers
from engine.formats import parse
from engine.layers import weight_of


def prepared_model(model: nn.Module, chosen: Mapping[str, Preparation], shared: Sequence[Tensor] = ()) -> nn.Module:
    """A copy of a model with these layers prepared, and nothing rounded; it has the `shared` tensors themselves.

    A weight that several layers use is prepared once, and all of them prepare their inputs.
    """
    copied = copy.deepcopy(model, {id(tensor): tensor for tensor in shared})
    own = sharers(model, chosen)
    made: dict[str, Quantized] = {}

    def replacement(name: str, layer: nn.Module) -> nn.Module | None:
        if (first := own.get(name)) is None:
            return None

        def build(bare: nn.Module) -> nn.Module:
            new = prepared_layer(bare, chosen[first], made.get(first))
            made.setdefault(first, new)
            return new

        return rebuilt(layer, build, like=made.get(first))

    replace_layers(copied, replacement)
    return copied


def prepared_layer(layer: nn.Module, preparation: Preparation, like: nn.Module | None = None) -> Quantized:
    """A layer that prepares its inputs and has a weight to match, or the weight of `like`, which is prepared already.

    It has no number format yet.
    """
    new = quantized_layer(layer, parse("fp32"))
    new.preparation = preparation.sharing()
    if like is not None:
        new.register_parameter("weight", weight_of(like))  # type: ignore[arg-type]
        return new
    weight = new.weight.detach()
    rows = joined(preparation.weights(parted(new, new.kind.rows(weight))))
    new.weight = nn.Parameter(new.kind.shaped(rows, weight.shape).contiguous(), new.weight.requires_grad)
    return new
