"""GPTQ over the layers of a quantised model, in place: each in its format, in the order of execution."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import nn

from engine.compress.batches import Batch
from engine.compress.layers import FakeQuantize, Quantized, held_values
from engine.compress.methods.checkpoint import Checkpoint
from engine.compress.methods.rounding import rounded
from engine.compress.methods.stages import Stage
from engine.compress.methods.walk import Inputs, plan_of, walk
from engine.compress.prune_masks import mask_of
from engine.compress.signal import noise
from engine.errors import InputError
from engine.formats import Format, parse
from engine.formats.base import Packed
from engine.formats.held import held_of
from engine.layers import live_layers, weight_of
from engine.rounding import NOTHING_TO_CHOOSE, Method, leaves_nothing


def round_by(
    model: nn.Module,
    specs: Mapping[str, str],
    methods: Mapping[str, Method],
    batches: Sequence[Batch],
    checkpoint: Checkpoint | None = None,
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Gives the quantised layers named in `specs`, whose weights are still as they were, values in their formats.

    `methods` has one for each of them.

    Raises:
        InputError: no batches, a layer that nothing enters, or a format in which there is nothing to choose.
    """
    if leaves_nothing(specs.values()):
        raise InputError(f"{NOTHING_TO_CHOOSE}.")
    plan = plan_of(model, list(specs), batches)
    uses = live_layers(model)
    start, finished = checkpoint.load() if checkpoint else (0, {})
    tensors = dict(finished)
    for name in [name for stage in plan[:start] for name in stage.names]:
        _place(model, uses[name], *_restored(name, tensors))

    def visit(found: Sequence[Inputs]) -> None:
        for inputs in found:
            short = not inputs.moments.full_rank
            for name in inputs.names:
                layer, number_format = _layer(model, name), parse(specs[name])
                mask = mask_of(layer)
                alive = None if mask is None else layer.kind.rows(mask)
                ordered = methods[name] == "gptq_act_order"
                chosen = rounded(_rows(layer), inputs.moments.hessian, number_format, ordered, alive)
                tensors.update(_kept(name, chosen.format, chosen.values, short))
                _place(model, uses[name], chosen.format, chosen.values, short)

    def done(number: int, _stage: Stage) -> None:
        report(number, len(plan))
        if checkpoint is not None:
            checkpoint.save(number, tensors)

    walk(model, plan, batches, visit, done, start)


def _layer(model: nn.Module, name: str) -> Quantized:
    layer = model.get_submodule(name)
    assert isinstance(layer, Quantized)
    return layer


def _rows(layer: Quantized) -> torch.Tensor:
    return layer.kind.rows(weight_of(layer).detach()).float()


def _place(model: nn.Module, names: Sequence[str], chosen: Format, values: torch.Tensor, short: bool) -> None:
    """Gives a layer, under every name of its weight, values and the format that gives them back."""
    first = _layer(model, names[0])
    values = values.to(weight_of(first).device)
    measured = noise(chosen, _rows(first), values)
    quantizer, held = FakeQuantize(chosen), held_values()
    with torch.no_grad():
        weight = weight_of(first)
        weight.copy_(first.kind.shaped(values, weight.shape))
    held.put(first, "weight", quantizer, weight.detach())  # it is rounded by now
    for name in names:
        layer = _layer(model, name)
        layer.weight_format, layer.held_weight = quantizer.to(weight.device), held
        layer.noise, layer.short = measured, short


def _kept(name: str, chosen: Format, values: torch.Tensor, short: bool) -> dict[str, torch.Tensor]:
    """What a checkpoint holds of a finished layer."""
    packed = chosen.pack(values.cpu())
    spec = torch.tensor(list(packed.spec.encode()), dtype=torch.uint8)
    facts = {"spec": spec, "shape": torch.tensor(packed.shape), "short": torch.tensor(short)}
    return {f"{name}:{part}": tensor.contiguous() for part, tensor in (facts | dict(packed.tensors)).items()}


def _restored(name: str, tensors: Mapping[str, torch.Tensor]) -> tuple[Format, torch.Tensor, bool]:
    parts = {key.partition(":")[2]: one for key, one in tensors.items() if key.startswith(f"{name}:")}
    spec, shape, short = (parts.pop(part).tolist() for part in ("spec", "shape", "short"))
    packed = Packed(bytes(spec).decode(), tuple(shape), parts)
    chosen = parse(packed.spec)
    return held_of(chosen, packed), chosen.unpack(packed), bool(short)
