"""A model whose linear layers keep their weights packed in MXINT8, about 8.25 bits each, and compute with them."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear

from cuda_kernels import MXInt8Linear
from cuda_kernels.api import groups_in
from engine.compress.layers import QuantizedLinear, replace_layers
from engine.compress.selection import included_layers
from engine.errors import InputError

KIND = "mxint8"


def pack_model(
    model: nn.Module, group: int = 32, include: Iterable[str] = ("Linear",), exclude: Iterable[str] = ()
) -> nn.Module:
    """A copy of `model` with `MXInt8Linear` in place of its linear layers; the original is untouched.

    `include` and `exclude` hold type names or patterns of layer names, as `LayerFormats` has them. Embeddings are not
    packed, nor is a layer whose weight `nn.MultiheadAttention` reads past its forward.

    Raises:
        InputError: a pattern that fits no layer, no linear layer left, or a model that is quantised already.
    """
    names = set(included_layers(model, include, exclude))
    quantized = next((name for name, layer in model.named_modules() if isinstance(layer, QuantizedLinear)), None)
    if quantized is not None:
        raise InputError(f"{quantized} is quantised already; pack the model that this one was made from.")
    if not any(_packable(layer) for name, layer in model.named_modules() if name in names):
        raise InputError("no linear layer is left to pack: include more or exclude fewer of them.")
    packed = copy.deepcopy(model)

    def replacement(name: str, layer: nn.Module) -> nn.Module | None:
        if name not in names or not isinstance(layer, nn.Linear) or not _packable(layer):
            return None
        return MXInt8Linear.from_linear(layer, group).train(layer.training)

    replace_layers(packed, replacement)
    return packed


def _packable(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Linear) and not isinstance(layer, NonDynamicallyQuantizableLinear)


def packed_layers(model: nn.Module) -> dict[str, MXInt8Linear]:
    """The packed layers of a model by name, in its order."""
    return {name: module for name, module in model.named_modules() if isinstance(module, MXInt8Linear)}


def entry(layer: MXInt8Linear) -> dict[str, Any]:
    """What a saved model's manifest says of a packed layer."""
    return {"kind": KIND, "group": layer.group, "shape": [layer.out_features, layer.in_features]}


def make_room(model: nn.Module, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Puts packed layers, their values yet to be read, where a manifest's entries say so."""

    def replacement(name: str, layer: nn.Module) -> nn.Module | None:
        if entries.get(name, {}).get("kind") != KIND:
            return None
        assert isinstance(layer, nn.Linear)
        rows, columns = entries[name]["shape"]
        group = int(entries[name]["group"])
        mantissa = torch.zeros(rows, columns, dtype=torch.int8)
        scale = torch.zeros(rows, groups_in(columns, group), dtype=torch.uint8)
        return MXInt8Linear(mantissa, scale, None if layer.bias is None else nn.Parameter(torch.zeros(rows)), group)

    replace_layers(model, replacement)
