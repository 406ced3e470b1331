"""Formats of what enters the layers of a model, chosen on calibration batches, and what they cost there."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from engine.compress.batches import Batch, watch_inputs
from engine.compress.layers import Quantized
from engine.compress.selection import LayerFormats, sharers, spec_for
from engine.compress.signal import NoiseMeter
from engine.errors import InputError
from engine.formats import Format, parse
from engine.formats.base import Fitter
from engine.layers import kind_of


@dataclass(frozen=True, slots=True)
class InputFormat:
    """A settled format, and its SQNR (dB) on what entered the layer: None where nothing did, or zeros alone."""

    format: Format
    sqnr: float | None


def input_specs(model: nn.Module, names: Iterable[str], formats: LayerFormats) -> dict[str, str]:
    """The spec for what enters each of these layers that multiplies inputs, by every name of it; float32 left out."""
    found = {}
    for name, own in sharers(model, names).items():
        spec, kind = spec_for(formats.activation, own), kind_of(model.get_submodule(name))
        if spec is not None and kind is not None and not kind.table:
            found[name] = spec
    return found


def calibrated(
    model: nn.Module, names: Iterable[str], formats: LayerFormats, batches: Sequence[Batch]
) -> dict[str, InputFormat]:
    """The formats of inputs by layer, the open ones fitted to all that enters the layer in the batches.

    Raises:
        InputError: a format that is fitted to data, without batches.
        ForwardError: the model's own code raised.
    """
    fitters: dict[str, Fitter] = {}
    settled: dict[str, Format] = {}
    for name, spec in input_specs(model, names, formats).items():
        chosen = parse(spec)
        if chosen.open and not batches:
            if chosen.per_token is None:
                raise InputError(f"{spec} as activation format is fitted to data: give calibration batches.")
            chosen = chosen.per_token
        if chosen.open:
            fitters[name] = chosen.fitter()
        else:
            settled[name] = chosen

    fitted = _fitted(model, fitters, batches)
    if formats.input_range == "error":
        refiners = {name: refiner for name, one in fitted.items() if (refiner := one.refiner()) is not None}
        fitted |= _fitted(model, refiners, batches)
    settled |= fitted
    meters = {name: NoiseMeter(chosen) for name, chosen in settled.items()}
    _watch(model, {name: meter.observe for name, meter in meters.items()}, batches)
    return {name: InputFormat(chosen, meters[name].sqnr) for name, chosen in settled.items()}


def _fitted(model: nn.Module, fitters: Mapping[str, Fitter], batches: Sequence[Batch]) -> dict[str, Format]:
    """What each layer's fitter makes of all that enters the layer."""
    _watch(model, {name: fitter.observe for name, fitter in fitters.items()}, batches)
    return {name: fitter.result() for name, fitter in fitters.items()}


def _watch(model: nn.Module, observers: Mapping[str, Callable[[Tensor], None]], batches: Sequence[Batch]) -> None:
    """Shows each observer what its layer is going to round, channels last."""

    def watcher(name: str, observe: Callable[[Tensor], None]) -> Callable[[Tensor], None]:
        layer = model.get_submodule(name)
        kind = kind_of(layer)
        assert kind is not None
        return lambda x: observe(kind.features_last(_before_rounding(layer, x)))

    watch_inputs(model, {name: watcher(name, observe) for name, observe in observers.items()}, batches)


def _before_rounding(layer: nn.Module, x: Tensor) -> Tensor:
    """What a layer rounds of what enters it."""
    return layer.prepared_inputs(x) if isinstance(layer, Quantized) else x
