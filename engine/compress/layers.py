"""Layers that quantise what they use; their weights stay float32 parameters, so that they can be trained."""

import weakref
from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from engine.formats import Format
from engine.formats.dispatch import ordinary


class FakeQuantize(nn.Module):
    """A format as a module. The format's plain numbers are buffers, so that vmap can stack many configurations."""

    def __init__(self, number_format: Format) -> None:
        super().__init__()
        self.format = number_format
        for name, value in number_format.scalars().items():
            self.register_buffer(name, torch.as_tensor(value, dtype=torch.float32), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """The quantised values with the straight-through gradient, shape of `x`, float32."""
        return self.format.with_scalars(*self.scalars).fake_quantize(x)

    @property
    def scalars(self) -> tuple[Tensor, ...]:
        """The format's plain numbers, in its order."""
        return tuple(value for value in self._buffers.values() if value is not None)

    def extra_repr(self) -> str:
        """The spec."""
        return str(self.format)


class _Held:
    """A quantised tensor, kept while what it was made from is unchanged and needs no gradient."""

    def __init__(self) -> None:
        self._sources: tuple[weakref.ref[Tensor], ...] = ()
        self._versions: tuple[int, ...] = ()
        self._value: Tensor | None = None

    def __reduce__(self) -> tuple[Callable[[], Self], tuple[()]]:
        """A copy starts empty: what it would hold was made from another module's parameters."""
        return type(self), ()

    def of(self, layer: nn.Module, name: str, quantizer: FakeQuantize) -> Tensor:
        """The layer's parameter `name`, quantised; from the last call where nothing has changed since."""
        sources = (*_origins(layer, name), *quantizer.scalars)
        differentiated = torch.is_grad_enabled() and sources[0].requires_grad
        if differentiated:
            self._value = None  # an optimizer's step follows, and fused ones leave a tensor's version as it was
        if differentiated or not ordinary(*sources) or any(tensor.is_inference() for tensor in sources):
            value: Tensor = quantizer(getattr(layer, name))
            return value
        if self._value is None or not self._fresh(sources):
            with torch.inference_mode(False), torch.no_grad():
                self.put(layer, name, quantizer, quantizer(getattr(layer, name)))
        assert self._value is not None
        return self._value

    def put(self, layer: nn.Module, name: str, quantizer: FakeQuantize, value: Tensor) -> None:
        """Holds `value` as what the parameter quantises to."""
        sources = (*_origins(layer, name), *quantizer.scalars)
        self._sources = tuple(weakref.ref(tensor) for tensor in sources)
        self._versions = tuple(tensor._version for tensor in sources)
        self._value = value

    def _fresh(self, sources: tuple[Tensor, ...]) -> bool:
        return (
            self._value is not None
            and self._value.device == sources[0].device
            and len(sources) == len(self._sources)
            and all(ref() is tensor for ref, tensor in zip(self._sources, sources, strict=True))
            and self._versions == tuple(tensor._version for tensor in sources)
        )


def _origins(layer: nn.Module, name: str) -> tuple[Tensor, ...]:
    """What a parameter is made from: itself, or where it is parametrised the tensors behind it."""
    if not parametrize.is_parametrized(layer, name):
        return (getattr(layer, name),)
    behind = layer.get_submodule(f"parametrizations.{name}")
    return (behind.get_parameter("original"), *behind.buffers())


class QuantizedLinear(nn.Linear):
    """A linear layer `[..., in] → [..., out]` whose weight, bias and input each have a format of their own.

    `bias` None leaves the bias in float32, `inputs` None the activations. `input_sqnr` is what calibration measured.
    """

    def __init__(self, layer: nn.Linear, weight: Format, bias: Format | None, inputs: Format | None) -> None:
        super().__init__(layer.in_features, layer.out_features, layer.bias is not None, device="meta")
        self.weight = layer.weight
        self.bias = layer.bias
        self.weight_format = FakeQuantize(weight)
        self.bias_format = FakeQuantize(bias) if bias is not None and layer.bias is not None else None
        self.input_format = FakeQuantize(inputs) if inputs is not None else None
        self.input_sqnr: float | None = None
        self.held_weight, self.held_bias = _Held(), _Held()
        self.train(layer.training)

    def forward(self, x: Tensor) -> Tensor:
        """`x·Wᵀ + b` of the quantised three; the weight is quantised once per evaluation, and each training step."""
        weight = self.held_weight.of(self, "weight", self.weight_format)
        bias = self.held_bias.of(self, "bias", self.bias_format) if self.bias_format is not None else self.bias
        return functional.linear(x if self.input_format is None else self.input_format(x), weight, bias)


class QuantizedEmbedding(nn.Embedding):
    """An embedding table `[entries, features]` with a format for its entries."""

    def __init__(self, layer: nn.Embedding, weight: Format) -> None:
        super().__init__(
            layer.num_embeddings,
            layer.embedding_dim,
            layer.padding_idx,
            layer.max_norm,
            layer.norm_type,
            layer.scale_grad_by_freq,
            layer.sparse,
            _weight=layer.weight,
        )
        self.weight = layer.weight
        self.weight_format = FakeQuantize(weight)
        self.held_weight = _Held()
        self.train(layer.training)

    def forward(self, ids: Tensor) -> Tensor:
        """The quantised rows that the ids name."""
        weight = self.held_weight.of(self, "weight", self.weight_format)
        return functional.embedding(
            ids, weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse
        )


QuantizedLayer = QuantizedLinear | QuantizedEmbedding


def quantized_layers(model: nn.Module) -> dict[str, QuantizedLayer]:
    """The quantised layers of a model by name, in the model's order."""
    modules = model.named_modules()
    return {name: module for name, module in modules if isinstance(module, QuantizedLinear | QuantizedEmbedding)}


def stacking_key(model: nn.Module) -> tuple[object, ...]:
    """Equal for copies of a model that are quantised in the same way but for plain numbers, such as a width."""
    key: list[object] = []
    for name, module in model.named_modules():
        if isinstance(module, FakeQuantize):
            key.append((name, type(module.format) if module.scalars else str(module.format)))
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
