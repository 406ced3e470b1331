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
        if isinstance(layer, Quantized):
            _prepare_and_round(new, layer, rounding)
        return new

    replace_layers(found, replacement)
    keep_cache(found)
    return found.eval()


def _prepare_and_round(layer: nn.Module, like: Quantized, rounding: Callable[[Format], Rounding | None]) -> None:
    """Does to the first input of a layer what the quantised one does, as far as there is a rounding for it."""
    preparation, quantizer, kind = like.preparation, like.input_format, like.kind
    rounds = None if quantizer is None else rounding(quantizer.format)
    if preparation is None and rounds is None:
        return
    if preparation is not None:
        layer.add_module("preparation", preparation)

    def changed(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        x = args[0]
        if preparation is not None:
            x = kind.features_back(preparation.inputs(kind.features_last(x)))
        if rounds is not None:
            assert quantizer is not None
            x = kind.features_back(rounds(kind.features_last(x))) if quantizer.format.shares_scale else rounds(x)
        return (x, *args[1:])

    layer.register_forward_pre_hook(changed)
