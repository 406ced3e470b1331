"""A quantised copy of a model: layers replaced, formats fitted to weights and to what calibration batches bring in."""

import copy
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from engine.compress.layers import QuantizedEmbedding, QuantizedLinear, replace_layers
from engine.compress.prune_masks import rebuilt
from engine.compress.selection import LayerFormats, select_layers, spec_for
from engine.compress.signal import NoiseMeter
from engine.errors import InputError
from engine.formats import Format, parse
from engine.formats.base import Fitter


class InputBatch(Protocol):
    """A batch that keeps the model's keyword arguments apart from labels."""

    @property
    def inputs(self) -> Mapping[str, Tensor]:
        """Keyword arguments of the model's forward."""


Batch = Mapping[str, Any] | InputBatch


def quantize_model(model: nn.Module, formats: LayerFormats, calibration: Iterable[Batch] = ()) -> nn.Module:
    """A copy of `model` with quantised layers; the original is untouched.

    Open weight and bias formats are fitted to each tensor, open activation formats to the inputs that the
    `calibration` batches (on the model's device; a few are enough) bring to each layer of the original.

    Raises:
        InputError: a pattern that fits no layer, a spec that cannot be used (one without zero on a pruned layer, for
            instance), or an open activation format without calibration batches.
    """
    names = select_layers(model, formats)
    batches = list(calibration)
    inputs = _input_formats(model, names, formats, batches)
    quantized = copy.deepcopy(model)

    def replacement(name: str, layer: nn.Module) -> nn.Module | None:
        if name not in names:
            return None
        return rebuilt(layer, lambda bare: _quantized(bare, name, formats, inputs.get(name)))

    replace_layers(quantized, replacement)
    _measure_inputs(model, quantized, inputs, batches)
    return quantized


def _quantized(layer: nn.Module, name: str, formats: LayerFormats, inputs: Format | None) -> nn.Module:
    weight = _fitted(spec_for(formats.weight, name), layer.weight) or parse("fp32")
    if isinstance(layer, nn.Embedding):
        return QuantizedEmbedding(layer, weight)
    assert isinstance(layer, nn.Linear)
    return QuantizedLinear(layer, weight, _fitted(spec_for(formats.bias, name), layer.bias), inputs)


def _fitted(spec: str | None, x: Any) -> Format | None:
    """The format for a parameter `x` of a layer; None where nothing is to be done."""
    return None if spec is None or x is None else parse(spec).fit(x)


def _input_formats(
    model: nn.Module, names: Iterable[str], formats: LayerFormats, batches: list[Batch]
) -> dict[str, Format]:
    fitters: dict[str, Fitter] = {}
    result: dict[str, Format] = {}
    for name in names:
        spec = spec_for(formats.activation, name)
        if spec is None or not isinstance(model.get_submodule(name), nn.Linear):
            continue
        chosen = parse(spec)
        if chosen.open and not batches:
            raise InputError(f"{spec} as activation format is fitted to data: give calibration batches.")
        if chosen.open:
            fitters[name] = chosen.fitter()
        else:
            result[name] = chosen
    watch_inputs(model, {name: fitter.observe for name, fitter in fitters.items()}, batches)
    return result | {name: fitter.result() for name, fitter in fitters.items()}


def _measure_inputs(model: nn.Module, quantized: nn.Module, inputs: Mapping[str, Format], batches: list[Batch]) -> None:
    """Records in each quantised layer the SQNR of its input format on the original model's activations."""
    meters = {name: NoiseMeter(chosen) for name, chosen in inputs.items()}
    watch_inputs(model, {name: meter.observe for name, meter in meters.items()}, batches)
    for name, meter in meters.items():
        layer = quantized.get_submodule(name)
        assert isinstance(layer, QuantizedLinear)
        layer.input_sqnr = meter.sqnr


def watch_inputs(model: nn.Module, watchers: Mapping[str, Callable[[Tensor], None]], batches: list[Batch]) -> None:
    """Runs the model over the batches in evaluation mode; each watcher sees what enters its layer."""
    if not watchers or not batches:
        return
    training = {module: module.training for module in model.modules()}
    with ExitStack() as hooks, torch.no_grad():
        for name, watch in watchers.items():
            hook = model.get_submodule(name).register_forward_pre_hook(lambda _, args, watch=watch: watch(args[0]))
            hooks.callback(hook.remove)
        try:
            model.eval()
            for batch in batches:
                model(**(batch if isinstance(batch, Mapping) else batch.inputs))
        finally:
            for module, was_training in training.items():
                module.training = was_training
