"""Prepared layers in a model's place: the same function, other numbers to round."""

import copy
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from engine.compress.absorption import Group, absorb, absorbers
from engine.compress.layers import Quantized, quantized_layer, replace_layers
from engine.compress.preparation import Absorbed, Preparation, Scaled, joined, parted
from engine.compress.prune_masks import rebuilt
from engine.compress.selection import sharers
from engine.formats import parse
from engine.layers import weight_of


def prepared_model(model: nn.Module, chosen: Mapping[str, Preparation], shared: Sequence[Tensor] = ()) -> nn.Module:
    """A copy of a model with these layers prepared, and nothing rounded; it has the `shared` tensors themselves.

    A weight that several layers use is prepared once, and all of them prepare their inputs. Where the norm or layer
    before can divide by S it does, and they take their inputs as they come.
    """
    divide = absorbers(model, _sharing(chosen))
    by = {name: module for group, module in divide.items() for name in group}
    copied = copy.deepcopy(model, {id(tensor): tensor for tensor in shared})
    own = sharers(model, chosen)
    made: dict[str, Quantized] = {}

    def replacement(name: str, layer: nn.Module) -> nn.Module | None:
        if (first := own.get(name)) is None:
            return None

        def build(bare: nn.Module) -> nn.Module:
            new = prepared_layer(bare, chosen[first], made.get(first))
            made.setdefault(first, new)
            if name in by:
                new.preparation, new.absorbed = None, Absorbed(chosen[name].preparing, by[name])
            return new

        return rebuilt(layer, build, like=made.get(first))

    replace_layers(copied, replacement)
    for group, module in divide.items():
        preparation = chosen[group[0]]
        assert isinstance(preparation, Scaled)
        absorb(copied.get_submodule(module), preparation.scale)
    return copied


def _sharing(chosen: Mapping[str, Preparation]) -> list[Group]:
    """The layers that share one S, for each S."""
    groups: dict[int, list[str]] = {}
    for name, preparation in chosen.items():
        if isinstance(preparation, Scaled):
            groups.setdefault(id(preparation), []).append(name)
    return [tuple(names) for names in groups.values()]


def prepared_layer(layer: nn.Module, preparation: Preparation, like: nn.Module | None = None) -> Quantized:
    """A layer that prepares its inputs and has a weight to match, or the weight of `like`, which is prepared already.

    It has no number format yet.
    """
    new = quantized_layer(layer, parse("fp32"))
    new.preparation, new.absorbed = preparation.sharing(), None
    if like is not None:
        new.register_parameter("weight", weight_of(like))  # type: ignore[arg-type]
        return new
    weight = new.weight.detach()
    rows = joined(preparation.weights(parted(new, new.kind.rows(weight))))
    new.weight = nn.Parameter(new.kind.shaped(rows, weight.shape).contiguous(), new.weight.requires_grad)
    return new
