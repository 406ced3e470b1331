"""Layers with formats: packed codes, and the formats' specs."""

from torch import nn

from engine.compress.fake_quantize import FakeQuantize
from engine.compress.layers import Quantized, quantized_layer, quantized_layers, replace_layers
from engine.formats import parse
from engine.formats.base import Packed
from engine.formats.held import Held, held_of
from engine.layers import weight_of
from engine.models.manifest import QuantizedEntry
from engine.store.record import Record, Stored, as_parameter


class QuantizedRecord(Record):
    """Formats of weights, biases and inputs."""

    def has(self, model: nn.Module) -> bool:
        """Whether a layer has a format."""
        return bool(quantized_layers(model))

    def store(self, model: nn.Module, stored: Stored) -> None:
        """Every layer has an entry; a weight that several share is packed once."""
        every = {name: layer for name, layer in model.named_modules() if isinstance(layer, Quantized)}
        stored.manifest.layers |= {name: _entry(layer) for name, layer in every.items()}
        for name, layer in quantized_layers(model).items():
            for own, quantizer in _quantizers(layer).items():
                if (parameter := f"{name}.{own}") in stored.tensors:
                    values = stored.tensors.pop(parameter)
                    packed = quantizer.format.pack_parts(layer.kind.rows(values) if own == "weight" else values)
                    stored.manifest.shapes[parameter] = packed.shape
                    stored.tensors |= {f"{parameter}.{part}": tensor for part, tensor in packed.tensors.items()}

    def unpack(self, model: nn.Module, stored: Stored) -> None:
        """Values of the codes."""
        entries = stored.manifest.quantized
        for parameter, shape in stored.manifest.shapes.items():
            name, _, own = parameter.rpartition(".")
            spec: str = getattr(entries[name], own)
            packed = Packed(spec, shape, stored.take(parameter))
            values = parse(spec).unpack(packed)
            if own == "weight" and entries[name].held:
                stored.held[name] = held_of(parse(spec), packed)
            stored.tensors[parameter] = as_parameter(model, parameter, values)

    def apply(self, model: nn.Module, stored: Stored) -> None:
        """Quantised layers in the place of ordinary ones; those that share a weight share its format."""
        entries = stored.manifest.quantized
        made: dict[int, Quantized] = {}

        def restored(name: str, layer: nn.Module) -> nn.Module | None:
            if (entry := entries.get(name)) is None:
                return None
            bias, inputs = (None if spec is None else parse(spec) for spec in (entry.bias, entry.input))
            weight = stored.held.get(name) or parse(entry.weight)
            new = quantized_layer(layer, weight, bias, inputs, made.get(id(weight_of(layer))))
            made.setdefault(id(weight_of(layer)), new)
            return new

        replace_layers(model, restored)


def hold(model: nn.Module) -> None:
    """Values that were read are quantised already: they are used as they are until they change."""
    for layer in quantized_layers(model).values():
        layer.held_weight.put(layer, "weight", layer.weight.detach())
        if layer.bias_format is not None:
            assert layer.bias is not None
            layer.held_bias.put(layer, "bias", layer.bias.detach())


def _entry(layer: Quantized) -> QuantizedEntry:
    weight = str(layer.weight_format.format)
    if layer.kind.table:
        return QuantizedEntry(kind=layer.kind.stored, weight=weight)
    bias, inputs = (one and str(one.format) for one in (layer.bias_format, layer.input_format))
    held = isinstance(layer.weight_format.format, Held)
    return QuantizedEntry(kind=layer.kind.stored, weight=weight, bias=bias, input=inputs, held=held)


def _quantizers(layer: Quantized) -> dict[str, FakeQuantize]:
    """The parameters that are quantised, by name."""
    return {"weight": layer.weight_format} | ({"bias": layer.bias_format} if layer.bias_format is not None else {})
