"""Layers that quantise what they use; their weights stay float32 parameters, so that they can be trained.

A quantised layer is of a class derived from the one it had: everything but its weight, bias and input stays as it was.
"""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.compress.fake_quantize import FakeQuantize, HeldValue
from engine.compress.preparation import Absorbed, Preparation, preparation_of
from engine.compress.signal import Noise
from engine.formats import Format, parse
from engine.layers import LINEAR, TRANSPOSED, Kind, kind_of, weight_of
from engine.training.spread import follow


class Quantized(nn.Module):
    """What every quantised layer has beside what it was: formats for its weight, its bias and its input.

    It keeps the attributes and the forward of the class that it was made from: scales, offsets and padding stay what
    they are. `bias_format` None leaves the bias in float32, `input_format` None the activations. The weight is
    quantised once per evaluation, and each training step. A layer with a `preparation` has a prepared weight, and
    prepares its inputs; where that is `absorbed` by the operation before, it takes them as they come. `input_sqnr` is
    what calibration measured, `noise` what a method did to the weight, which was rounded by it already; `short` says
    that it saw too few samples for a full rank.
    """

    plain: type[nn.Module]
    kind: Kind
    weight: Tensor
    bias: Tensor | None
    weight_format: FakeQuantize
    bias_format: FakeQuantize | None
    input_format: FakeQuantize | None
    preparation: Preparation | None
    absorbed: Absorbed | None
    held_weight: HeldValue
    held_bias: HeldValue
    input_sqnr: float | None
    noise: Noise | None
    short: bool

    def quantized(self) -> tuple[Tensor, Tensor | None]:
        """Weight and bias as the layer computes with them, in their own shapes."""
        weight = self.held_weight.of(self, "weight", self.weight_format, self.kind)
        bias = getattr(self, "bias", None)
        if self.bias_format is not None:
            bias = self.held_bias.of(self, "bias", self.bias_format)
        return weight, bias

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        """What the layer's own class makes of the input, with the quantised weight and bias in place of its own."""
        weight, bias = self.quantized()
        x = self.rounded_inputs(x)
        if self.plain is nn.Linear:
            return functional.linear(x, weight, bias)
        seen = object.__new__(self.plain)
        seen.__dict__ = self.__dict__ | {"weight": weight, "bias": bias, "_parameters": {}}
        return self.plain.forward(seen, x, *args, **kwargs)

    def prepared_inputs(self, x: Tensor) -> Tensor:
        """The input as it is before it is rounded: divided or rotated, where the layer is prepared."""
        if self.preparation is None:
            return x
        return self.kind.features_back(self.preparation.inputs(self.kind.features_last(x)))

    def rounded_inputs(self, x: Tensor) -> Tensor:
        """The input as the layer multiplies it: prepared, in its format; blocks and scaled rows run over channels."""
        x, quantizer = self.prepared_inputs(x), self.input_format
        if quantizer is None:
            return x
        if not quantizer.format.shares_scale:
            return quantizer(x)  # type: ignore[no-any-return]
        return self.kind.features_back(quantizer(self.kind.features_last(x)))


class QuantizedLinear(Quantized, nn.Linear):  # type: ignore[misc]
    """A linear layer `[..., in] → [..., out]` whose weight, bias and input each have a format of their own."""

    plain = nn.Linear


class QuantizedEmbedding(Quantized, nn.Embedding):  # type: ignore[misc]
    """An embedding table `[entries, features]` with a format for its entries."""

    plain = nn.Embedding


_CLASSES: dict[type[nn.Module], type[Quantized]] = {nn.Linear: QuantizedLinear, nn.Embedding: QuantizedEmbedding}


def _class_of(plain: type[nn.Module]) -> type[Quantized]:
    if plain not in _CLASSES:
        _CLASSES[plain] = type(f"Quantized{plain.__name__}", (Quantized, plain), {"plain": plain})
    return _CLASSES[plain]


def quantized_layer(
    layer: nn.Module,
    weight: Format,
    bias: Format | None = None,
    inputs: Format | None = None,
    like: Quantized | None = None,
) -> Quantized:
    """A layer with formats, of the same class otherwise, with the same parameters, prepared as it was.

    What shares its weight with the quantised layer `like` shares how it is quantised too.

    Raises:
        TypeError: no layer that holds a weight.
    """
    kind = kind_of(layer)
    if kind is None:
        raise TypeError(f"{type(layer).__name__} has no weight that could be quantised")
    new = _copied(layer, _class_of(layer.plain if isinstance(layer, Quantized) else type(layer)))
    assert isinstance(new, Quantized)
    new.kind = kind
    has_bias = getattr(layer, "bias", None) is not None
    new.weight_format = FakeQuantize(weight) if like is None else like.weight_format
    new.held_weight = HeldValue() if like is None else like.held_weight
    new.bias_format = FakeQuantize(bias) if bias is not None and has_bias else None
    new.input_format = None if inputs is None or kind.table else FakeQuantize(inputs)
    new.held_bias, new.input_sqnr, new.noise, new.short = HeldValue(), None, None, False
    new.preparation, new.absorbed = preparation_of(layer), layer.absorbed if isinstance(layer, Quantized) else None
    return new


def plain_layer(layer: Quantized) -> nn.Module:
    """A layer of the class that it was quantised from, with the values that it computes with; inputs as they come."""
    with torch.no_grad():  # with gradients, values that are held would be fitted anew
        weight, bias = layer.quantized()
    new = _copied(layer, layer.plain)
    for name in _OWN:
        new.__dict__.pop(name, None)
        new._modules.pop(name, None)
    new._modules.pop("parametrizations", None)
    new.register_parameter("weight", nn.Parameter(weight.detach(), requires_grad=False))
    if bias is not None:
        new.register_parameter("bias", nn.Parameter(bias.detach(), requires_grad=False))
    return new


def settled(model: nn.Module) -> nn.Module:
    """A copy for evaluation alone, whose quantised layers hold the values that they compute with; inputs are rounded as
    before. All else it shares with the model.
    """
    copied = copy.deepcopy(model, {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())})

    def replacement(_name: str, layer: nn.Module) -> nn.Module | None:
        if not isinstance(layer, Quantized):
            return None
        inputs = None if layer.input_format is None else layer.input_format.format
        new = quantized_layer(plain_layer(layer), parse("fp32"), inputs=inputs)
        new.preparation, new.absorbed = layer.preparation, layer.absorbed
        return new

    replace_layers(copied, replacement)
    return copied


def resized(layer: nn.Module, rows: Tensor | None = None, columns: Tensor | None = None) -> nn.Module:
    """A linear layer of some of its rows and columns, quantised as it was, of the same class.

    Raises:
        TypeError: no linear layer.
    """
    kind = kind_of(layer)
    if kind not in (LINEAR, TRANSPOSED):
        raise TypeError(f"{type(layer).__name__} is no linear layer that could be cut")
    weight, bias = kind.rows(layer.get_parameter("weight").detach()), getattr(layer, "bias", None)
    if rows is not None:
        rows = rows.to(weight.device)
        weight, bias = weight[rows], None if bias is None else bias.detach()[rows]
    if columns is not None:
        weight = weight[:, columns.to(weight.device)]
    new = _copied(layer, type(layer))
    new.weight = nn.Parameter(kind.shaped(weight, weight.shape).clone(memory_format=torch.contiguous_format))
    if bias is not None:
        new.bias = nn.Parameter(bias.detach().clone())
    for name, size in zip(
        ("nf", "nx") if kind.transposed else ("out_features", "in_features"), weight.shape, strict=True
    ):
        setattr(new, name, size)
    if isinstance(new, Quantized):
        new.held_weight, new.held_bias = HeldValue(), HeldValue()
    return new


def _copied(layer: nn.Module, as_class: type[nn.Module]) -> nn.Module:
    """A layer with all attributes of another and the same parameters; of its hooks that which brings inputs to it."""
    new: nn.Module = object.__new__(as_class)
    nn.Module.__init__(new)
    new.__dict__ |= {name: value for name, value in layer.__dict__.items() if name not in _HOOKS}
    for own in ("_parameters", "_buffers", "_modules"):
        new.__dict__[own] = dict(layer.__dict__[own])
    follow(new, layer)
    return new


_OWN = frozenset(Quantized.__annotations__) - {"weight", "bias"}
_HOOKS = {name for name in nn.Module().__dict__ if "hook" in name}


def quantized_layers(model: nn.Module) -> dict[str, Quantized]:
    """The quantised layers of a model by name, in the model's order; those that share a weight are one."""
    found: dict[int, tuple[str, Quantized]] = {}
    for name, module in model.named_modules():
        if isinstance(module, Quantized):
            found.setdefault(id(weight_of(module)), (name, module))
    return dict(found.values())


def absorbed_layers(model: nn.Module) -> dict[str, Absorbed]:
    """Of the layers that have S absorbed, how they were prepared and by which module; by name."""
    found = {name: layer for name, layer in model.named_modules() if isinstance(layer, Quantized)}
    return {name: layer.absorbed for name, layer in found.items() if layer.absorbed is not None}


def release(model: nn.Module) -> None:
    """Lets go of the quantised values that are held beside weights; they are made again when they are asked for."""
    for layer in quantized_layers(model).values():
        layer.held_weight.release()
        layer.held_bias.release()


def stacking_key(model: nn.Module, trained: bool = True) -> tuple[object, ...]:
    """Equal for models of the same tensors, of the same shapes, quantised alike but for plain numbers such as a width.

    Tensors differ as they like: weights that were pruned in different ways, for instance, and their masks. Where they
    are not `trained`, for copies whose inputs are quantised alike, whatever weights are rounded to: see `settled`.
    """
    tensors = (*model.named_parameters(), *model.named_buffers()) if trained else ()
    key: list[object] = [(name, tuple(tensor.shape)) for name, tensor in tensors]
    for name, module in model.named_modules():
        if isinstance(module, FakeQuantize) and (trained or name.endswith("input_format")):
            key.append((name, module.format.structure))
        elif isinstance(module, Preparation):
            key.append((name, str(module.preparing)))
    return tuple(key)


def replace_layers(model: nn.Module, replacement: Callable[[str, nn.Module], nn.Module | None]) -> None:
    """Puts `replacement(name, layer)` in a layer's place where it is not None; a layer used twice stays one layer."""
    made: dict[int, nn.Module] = {}
    for name, module in list(model.named_modules(remove_duplicate=False)):
        if not name:
            continue
        if id(module) not in made:
            new = replacement(name, module)
            if new is None:
                continue
            made[id(module)] = new
        parent, _, attribute = name.rpartition(".")
        setattr(model.get_submodule(parent), attribute, made[id(module)])
