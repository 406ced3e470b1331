"""A quantised copy of a model: layers replaced, formats fitted to weights and to what calibration batches bring in."""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn

from engine.compress.batches import Batch
from engine.compress.calibration import InputFormat, calibrated
from engine.compress.layers import Quantized, quantized_layer, replace_layers
from engine.compress.methods.apply import round_by
from engine.compress.methods.checkpoint import Checkpoint
from engine.compress.methods.prepare import preparations
from engine.compress.prepared import prepared_model
from engine.compress.prune_masks import rebuilt
from engine.compress.returning import returning_memory
from engine.compress.selection import LayerFormats, select_layers, sharers, spec_for
from engine.errors import InputError
from engine.formats import Format, parse
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
    inputs: Mapping[str, InputFormat] | None = None,
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
    rounds. `report` is given what is done, how many parts of it, and of how many. `inputs` are what `calibrated` gives
    for this model, or for more of its layers, where that is known already; not with `preparing`.

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
    if inputs is None:
        inputs = calibrated(model, names, formats, batches)
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
    inputs: InputFormat | None,
    like: Quantized | None,
    later: bool = False,
) -> Quantized:
    """`later`: the weight stays as it is for now."""
    kind = kind_of(layer)
    assert kind is not None
    spec = None if later else spec_for(formats.weight, name)
    weight = _fitted(spec, None if like else kind.rows(layer.get_parameter("weight")))
    bias = None if kind.table else _fitted(spec_for(formats.bias, name), layer.bias)
    new = quantized_layer(layer, weight or parse("fp32"), bias, None if inputs is None else inputs.format, like)
    new.input_sqnr = None if inputs is None else inputs.sqnr
    return new


@returning_memory()
def _fitted(spec: str | None, x: Any) -> Format | None:
    """The format for a parameter `x` of a layer; None where nothing is to be done."""
    return None if spec is None or x is None else parse(spec).fit(x)
