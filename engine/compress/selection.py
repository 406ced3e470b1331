"""Which layers of a model become quantised ones, and with which formats."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import nn

from engine.errors import InputError
from engine.models.layer_names import TYPES, fits, no_match

Choice = str | Mapping[str, str]
"""A spec, or specs by pattern of layer names: the first pattern that fits counts."""


@dataclass(frozen=True, slots=True)
class LayerFormats:
    """Formats for weights, input activations and biases (None: float32), and the layers that get them.

    `include` and `exclude` hold type names (`Linear`, `Embedding`) or patterns of layer names (`bert.encoder.*`); a
    name alone stands for everything below it too. An embedding has a weight only. Where a mapping has no pattern for
    a layer, its weight stays as it is.
    """

    weight: Choice
    activation: Choice | None = None
    bias: Choice | None = None
    include: tuple[str, ...] = ("Linear",)
    exclude: tuple[str, ...] = ()


def spec_for(choice: Choice | None, name: str) -> str | None:
    """The spec that `choice` has for the layer called `name`; None for float32."""
    if isinstance(choice, Mapping):
        choice = next((spec for pattern, spec in choice.items() if fits(name, pattern)), None)
    return None if choice == "fp32" else choice


def select_layers(model: nn.Module, formats: LayerFormats) -> list[str]:
    """Names of the layers to quantise, in the model's order.

    Raises:
        InputError: a pattern that fits no linear or embedding layer, or nothing left to quantise.
    """
    names = included_layers(model, formats.include, formats.exclude)
    choices = (formats.weight, formats.activation, formats.bias)
    layers = list(weight_layers(model))
    for choice in choices:
        if isinstance(choice, Mapping):
            for pattern in choice:
                if not any(fits(name, pattern) for name in layers):
                    raise no_match(layers, pattern)
    return [name for name in names if any(spec_for(choice, name) is not None for choice in choices)]


def weight_layers(model: nn.Module) -> dict[str, nn.Module]:
    """The linear and embedding layers of a model by name, in its order."""
    modules = model.named_modules()
    return {name: module for name, module in modules if isinstance(module, nn.Linear | nn.Embedding) and name}


def included_layers(model: nn.Module, include: Iterable[str], exclude: Iterable[str] = ()) -> list[str]:
    """Names of the layers that types or patterns include and none exclude, in the model's order.

    Raises:
        InputError: a pattern that fits no linear or embedding layer, or no layer left.
    """
    layers = weight_layers(model)
    chosen = {name for pattern in include for name in _matching(layers, pattern)}
    left_out = {name for pattern in exclude for name in _matching(layers, pattern)}
    names = [name for name in layers if name in chosen - left_out]
    if not names:
        raise InputError("no layer is left to work on: include more or exclude fewer of them.")
    return names


def _matching(layers: Mapping[str, nn.Module], pattern: str) -> list[str]:
    if pattern in TYPES:
        found = [name for name, module in layers.items() if isinstance(module, getattr(nn, pattern))]
    else:
        found = [name for name in layers if fits(name, pattern)]
    if not found:
        raise no_match(list(layers), pattern)
    return found
