"""A compressed model as ordinary layers that hold the values which it computes with."""

import copy
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from engine.compress.key_values import keep_cache
from engine.compress.layers import Quantized, plain_layer, replace_layers
from engine.compress.prune_masks import mask_of, set_threshold, threshold_of, unmasked
from engine.formats import Format
from engine.layers import weight_of

Rounding = Callable[[Tensor], Tensor]


def plain_model(model: Any, rounding: Callable[[Format], Rounding | None]) -> Any:
    """A copy without quantised and masked layers; what shares a weight still does.

    Inputs of layers are rounded by what `rounding` gives for their format, and not at all where that is None. The keys
    and values of a language model are rounded no more.
    """
    found = copy.deepcopy(model)
    made: dict[int, nn.Module] = {}

    def replacement(name: str, _: nn.Module) -> nn.Module | None:
        layer = model.get_submodule(name)  # its own: a copy would fit its formats to the values anew
        if not isinstance(layer, Quantized) and mask_of(layer) is None:
            return None
        first = made.get(id(weight_of(layer)))
        new = plain_layer(layer) if isinstance(layer, Quantized) else unmasked(layer)
        if first is not None:
            new.register_parameter("weight", first.get_parameter("weight"))
        made.setdefault(id(weight_of(layer)), new)
        if isinstance(layer, Quantized) and (threshold := threshold_of(layer)) is not None:
            set_threshold(new, threshold)
        if isinstance(layer, Quantized) and layer.input_format is not None:
            _round_inputs(new, layer, rounding(layer.input_format.format))
        return new

    replace_layers(found, replacement)
    keep_cache(found)
    return found.eval()


def _round_inputs(layer: nn.Module, like: Quantized, rounding: Rounding | None) -> None:
    """Rounds the first input of a layer from now on, along its channels where a scale is shared."""
    if rounding is None:
        return
    assert like.input_format is not None
    shares, kind = like.input_format.format.shares_scale, like.kind

    def rounded(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        x = kind.features_last(args[0]) if shares else args[0]
        x = rounding(x)
        return (kind.features_back(x) if shares else x, *args[1:])

    layer.register_forward_pre_hook(rounded)
