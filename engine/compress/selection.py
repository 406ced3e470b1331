"""Which layers of a model become quantised ones, and with which formats."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import nn

from engine.errors import InputError
from engine.layers import TYPES, is_meant, kind_of, live_layers
from engine.models.layer_names import NOTHING_LEFT, fits, no_match, none_of_type

InputRange = Literal["max", "error"]
Choice = str | Mapping[str, str]
"""A spec, or specs by pattern of layer names: the first pattern that fits counts."""


@dataclass(frozen=True, slots=True)
class LayerFormats:
    """Formats for weights, input activations and biases (None: float32), and the layers that get them.

    `include` and `exclude` hold type names (`Linear`, `Embedding`, `Conv2d`) or patterns of layer names
    (`bert.encoder.*`); a name alone stands for everything below it too. An embedding has a weight only. Where a mapping
    has no pattern for a layer, its weight stays as it is. `input_range` is what calibration takes one scale for all
    inputs of a layer from: the largest magnitude, or the least squared error.
    """

    weight: Choice
    activation: Choice | None = None
    bias: Choice | None = None
    include: tuple[str, ...] = ("Linear",)
    exclude: tuple[str, ...] = ()
    input_range: InputRange = "max"


def spec_for(choice: Choice | None, name: str) -> str | None:
    """The spec that `choice` has for the layer called `name`; None for float32."""
    if isinstance(choice, Mapping):
        choice = next((spec for pattern, spec in choice.items() if fits(name, pattern)), None)
    return None if choice == "fp32" else choice


def select_layers(model: nn.Module, formats: LayerFormats) -> list[str]:
    """Names of the layers to quantise, in the model's order.

    Raises:
        InputError: a pattern that fits no layer, or nothing left to quantise.
    """
    names = included_layers(model, formats.include, formats.exclude)
    choices = (formats.weight, formats.activation, formats.bias)
    layers = live_layers(model)
    for choice in choices:
        if isinstance(choice, Mapping):
            for pattern in choice:
                if not any(fits(name, pattern) for same in layers.values() for name in same):
                    raise no_match(list(layers), pattern)
    return [name for name in names if any(spec_for(choice, name) is not None for choice in choices)]


def included_layers(model: nn.Module, include: Iterable[str], exclude: Iterable[str] = ()) -> list[str]:
    """Names of the layers that types or patterns include and none exclude, in the model's order.

    Layers that share a weight are one: it is meant by any of their names, and left out by any. There need not be layers
    of every type.

    Raises:
        InputError: a pattern that fits no layer, or no layer left.
    """
    include, layers = tuple(include), live_layers(model)
    chosen = {name for pattern in include for name in _matching(model, layers, pattern)}
    if not chosen and layers and include:
        raise none_of_type(list(layers), include)
    left_out = {name for pattern in exclude for name in _matching(model, layers, pattern)}
    names = [name for name in layers if name in chosen - left_out]
    if not names:
        raise InputError(NOTHING_LEFT)
    return names


def sharers(model: nn.Module, names: Iterable[str]) -> dict[str, str]:
    """By every name that the weights of these layers are used under, the layer's own."""
    layers = live_layers(model)
    return {alias: name for name in names for alias in layers[name]}


def _matching(model: nn.Module, layers: Mapping[str, Sequence[str]], pattern: str) -> list[str]:
    def meant(name: str) -> bool:
        kind = kind_of(model.get_submodule(name))
        return fits(name, pattern) or (pattern in TYPES and kind is not None and is_meant(kind, pattern))

    found = [name for name, same in layers.items() if any(map(meant, same))]
    if not found and pattern not in TYPES:
        raise no_match(list(layers), pattern)
    return found
