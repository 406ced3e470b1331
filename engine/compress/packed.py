"""A model whose linear layers keep their weights packed in MXINT8, about 8.25 bits each, and compute with them."""

import copy
from collections.abc import Iterable

from torch import nn

from cuda_kernels import MXInt8Linear
from engine.compress.layers import Quantized, replace_layers
from engine.compress.selection import included_layers, sharers
from engine.errors import InputError
from engine.layers import LINEAR, TRANSPOSED, kind_of, live_layers


def pack_model(
    model: nn.Module, group: int = 32, include: Iterable[str] = ("Linear",), exclude: Iterable[str] = ()
) -> nn.Module:
    """A copy of `model` with `MXInt8Linear` in place of its linear layers; the original is untouched.

    `include` and `exclude` hold type names or patterns of layer names, as `LayerFormats` has them. Embeddings are not
    packed, nor a layer that shares its weight with one, nor one whose weight `nn.MultiheadAttention` reads past its
    forward.

    Raises:
        InputError: a pattern that fits no layer, no linear layer left, or a model that is quantised already.
    """
    uses = live_layers(model)
    chosen = [name for name in included_layers(model, include, exclude) if not _has_table(model, uses[name])]
    names = sharers(model, chosen)
    quantized = next((name for name, layer in model.named_modules() if isinstance(layer, Quantized)), None)
    if quantized is not None:
        raise InputError(f"{quantized} is quantised already; pack the model that this one was made from.")
    if not any(_packable(layer) for name, layer in model.named_modules() if name in names):
        raise InputError("no linear layer is left to pack: include more or exclude fewer of them.")
    packed = copy.deepcopy(model)
    made: dict[str, MXInt8Linear] = {}

    def replacement(name: str, layer: nn.Module) -> nn.Module | None:
        if name not in names or not _packable(layer):
            return None
        new = MXInt8Linear.from_linear(_as_linear(layer), group).train(layer.training)
        first = made.setdefault(names[name], new)
        new._buffers |= {part: tensor for part, tensor in first._buffers.items() if part in ("mantissa", "scale")}
        return new

    replace_layers(packed, replacement)
    return packed


def _has_table(model: nn.Module, uses: Iterable[str]) -> bool:
    """Whether a weight is looked up too under one of its names: the table stays, and packing would store it again."""
    return any((kind := kind_of(model.get_submodule(name))) is not None and kind.table for name in uses)


def _packable(layer: nn.Module) -> bool:
    """Whether it is a linear layer that does what one does and no more."""
    kind = kind_of(layer)
    return kind is TRANSPOSED or (kind is LINEAR and type(layer).forward is nn.Linear.forward)


def _as_linear(layer: nn.Module) -> nn.Linear:
    """The same layer with a weight `[out, in]`."""
    if isinstance(layer, nn.Linear):
        return layer
    weight, bias = layer.get_parameter("weight").detach(), layer.get_parameter("bias").detach()
    plain = nn.Linear(weight.shape[0], weight.shape[1], device="meta")
    plain.weight, plain.bias = nn.Parameter(weight.t().contiguous()), nn.Parameter(bias)
    return plain


def packed_layers(model: nn.Module) -> dict[str, MXInt8Linear]:
    """The packed layers of a model by name, in its order."""
    return {name: module for name, module in model.named_modules() if isinstance(module, MXInt8Linear)}
