"""A quantised copy of a model: layers replaced, formats fitted to weights and to what calibration batches bring in."""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn

from engine.compress.batches import Batch, watch_inputs
from engine.compress.layers import Quantized, quantized_layer, replace_layers
from engine.compress.methods.apply import round_by
from engine.compress.methods.checkpoint import Checkpoint
from engine.compress.methods.prepare import preparations
from engine.compress.prepared import prepared_model
from engine.compress.prune_masks import rebuilt
from engine.compress.returning import returning_memory
from engine.compress.selection import LayerFormats, select_layers, sharers, spec_for
from engine.compress.signal import NoiseMeter
from engine.errors import InputError
from engine.formats import Format, parse
from engine.formats.base import Fitter
from engine.layers import kind_of, live_layers
from engine.preparing import NOTHING_TO_PREPARE, Preparing
from engine.rounding import NEAREST, Method, Sparsity


def quantize_model(
    model: nn.Module,
    formats: LayerFormats,
    calibration: Iterable[Batch] = (),
    method: Method | Mapping[str, Method] = NEAREST,
    checkpoint: Checkpoint | None = None,
    report: Callable[[str, int, int], None] = lambda _what, _done, _total: None,
    *,
    preparing: Preparing | None = None,
    sparsity: Sparsity | None = None,
    shared: bool = False,
) -> nn.Module:
    """A copy of `model` with quantised layers; the original is untouched.

    A copy that is not to be trained may have the original's own parameters (`shared`): it takes half of the memory.
    A method but nearest changes them, so it has its own in any case.

    Open weight and bias formats are fitted to each tensor, open activation formats to the inputs that the
    `calibration` batches (on the model's device; a few are enough) bring to each layer of the original: they stay as
    they are in training. Without batches `int(w,tensor)` and `uint(w,tensor)` of inputs become `int(w)` and `uint(w)`,
    with a scale for each token. A `method` but nearest, one for all or by layer, chooses the values of weights on the
    same batches, tables aside, and keeps in `checkpoint` what is done. With `preparing` layers are prepared first,
    tables aside; formats and methods then see them so. With a `sparsity` the method gptq prunes in the pass in which it
    rounds. `report` is given what is done, how many parts of it, and of how many.

    Raises:
        InputError: a pattern that fits no layer, a spec that cannot be used (one without zero on a pruned layer, for
            instance), an open activation format without calibration batches, or layers that cannot be prepared.
    """
    names = select_layers(model, formats)
    batches = list(calibration)
    methods = _methods(model, names, formats, method)
    kept = (*model.parameters(), *model.buffers()) if shared and not methods else ()
    if preparing is not None:
        model, checkpoint = _prepared(model, names, formats, preparing, batches, kept, checkpoint, report)
        kept = (*model.parameters(), *model.buffers())  # of a copy that nothing else holds
    inputs = _input_formats(model, names, formats, batches)
    own = sharers(model, names)
    quantized = copy.deepcopy(model, {id(tensor): tensor for tensor in kept})
    made: dict[str, Quantized] = {}

    def replacement(name: str, layer: nn.Module) -> nn.Module | None:
        if name not in own:
            return None

        def build(bare: nn.Module) -> nn.Module:
            new = _quantized(bare, own[name], formats, inputs.get(name), made.get(own[name]), own[name] in methods)
            return made.setdefault(own[name], new) if name == own[name] else new

        return rebuilt(layer, build, like=made.get(own[name]))

    replace_layers(quantized, replacement)
    _measure_inputs(model, quantized, inputs, batches)
    if methods:
        specs = {name: spec for name in methods if (spec := spec_for(formats.weight, name))}
        said = " and ".join(sorted(set(methods.values())))
        round_by(quantized, specs, methods, batches, checkpoint, partial(report, said), sparsity)
    return quantized


def _prepared(
    model: nn.Module,
    names: Sequence[str],
    formats: LayerFormats,
    preparing: Preparing,
    batches: list[Batch],
    shared: Sequence[Tensor],
    checkpoint: Checkpoint | None,
    report: Callable[[str, int, int], None],
) -> tuple[nn.Module, Checkpoint | None]:
    """A prepared copy, and the checkpoint of what follows."""
    multiplied = _multiplied(model, names)
    if names and not multiplied:
        raise InputError(NOTHING_TO_PREPARE)

    def specs(name: str) -> tuple[str | None, str | None]:
        return spec_for(formats.weight, name), spec_for(formats.activation, name)

    said = partial(report, str(preparing))
    chosen, following = preparations(model, multiplied, preparing, specs, batches, checkpoint, said)
    return prepared_model(model, chosen, shared), following


def _multiplied(model: nn.Module, names: Iterable[str]) -> list[str]:
    """The layers that multiply inputs: what is looked up, by any name, has none."""
    uses = live_layers(model)

    def looked_up(name: str) -> bool:
        kinds = (kind_of(model.get_submodule(one)) for one in uses[name])
        return any(kind is not None and kind.table for kind in kinds)

    return [name for name in names if not looked_up(name)]


def _methods(
    model: nn.Module, names: Iterable[str], formats: LayerFormats, method: Method | Mapping[str, Method]
) -> dict[str, Method]:
    """The layers whose weights a method but nearest chooses values for."""
    able = [name for name in _multiplied(model, names) if spec_for(formats.weight, name)]
    each = {name: method if isinstance(method, str) else method.get(name, NEAREST) for name in able}
    return {name: one for name, one in each.items() if one != NEAREST}


def _quantized(
    layer: nn.Module,
    name: str,
    formats: LayerFormats,
    inputs: Format | None,
    like: Quantized | None,
    later: bool = False,
) -> Quantized:
    """`later`: the weight stays as it is for now."""
    kind = kind_of(layer)
    assert kind is not None
    spec = None if later else spec_for(formats.weight, name)
    weight = _fitted(spec, None if like else kind.rows(layer.get_parameter("weight")))
    bias = None if kind.table else _fitted(spec_for(formats.bias, name), layer.bias)
    return quantized_layer(layer, weight or parse("fp32"), bias, inputs, like)


@returning_memory()
def _fitted(spec: str | None, x: Any) -> Format | None:
    """The format for a parameter `x` of a layer; None where nothing is to be done."""
    return None if spec is None or x is None else parse(spec).fit(x)


def _input_formats(
    model: nn.Module, names: Iterable[str], formats: LayerFormats, batches: list[Batch]
) -> dict[str, Format]:
    fitters: dict[str, Fitter] = {}
    result: dict[str, Format] = {}
    for name, own in sharers(model, names).items():
        spec, kind = spec_for(formats.activation, own), kind_of(model.get_submodule(name))
        if spec is None or kind is None or kind.table:
            continue
        chosen = parse(spec)
        if chosen.open and not batches:
            if chosen.per_token is None:
                raise InputError(f"{spec} as activation format is fitted to data: give calibration batches.")
            chosen = chosen.per_token
        if chosen.open:
            fitters[name] = chosen.fitter()
        else:
            result[name] = chosen

    fitted = _fitted_to_inputs(model, fitters, batches)
    if formats.input_range == "error":
        refiners = {name: refiner for name, one in fitted.items() if (refiner := one.refiner()) is not None}
        fitted |= _fitted_to_inputs(model, refiners, batches)
    return result | fitted


def _fitted_to_inputs(model: nn.Module, fitters: Mapping[str, Fitter], batches: list[Batch]) -> dict[str, Format]:
    """What each layer's fitter makes of all that enters the layer."""

    def watcher(name: str, fitter: Fitter) -> Callable[[Tensor], None]:
        layer = model.get_submodule(name)
        kind = kind_of(layer)
        assert kind is not None
        return lambda x: fitter.observe(kind.features_last(_before_rounding(layer, x)))

    watch_inputs(model, {name: watcher(name, fitter) for name, fitter in fitters.items()}, batches)
    return {name: fitter.result() for name, fitter in fitters.items()}


def _measure_inputs(model: nn.Module, quantized: nn.Module, inputs: Mapping[str, Format], batches: list[Batch]) -> None:
    """Records in each quantised layer the SQNR of its input format on the original model's activations."""
    meters = {name: NoiseMeter(chosen) for name, chosen in inputs.items()}

    def watcher(name: str) -> Callable[[Tensor], None]:
        layer = model.get_submodule(name)
        kind = kind_of(layer)
        assert kind is not None
        return lambda x: meters[name].observe(kind.features_last(_before_rounding(layer, x)))

    watch_inputs(model, {name: watcher(name) for name in meters}, batches)
    for name, meter in meters.items():
        layer = quantized.get_submodule(name)
        assert isinstance(layer, Quantized)
        layer.input_sqnr = meter.sqnr


def _before_rounding(layer: nn.Module, x: Tensor) -> Tensor:
    """What a layer rounds of what enters it."""
    return layer.prepared_inputs(x) if isinstance(layer, Quantized) else x
