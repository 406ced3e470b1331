"""GPTQ over the layers of a quantised model, in place: each in its format, in the order of execution."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import nn

from engine.compress.batches import Batch
from engine.compress.fake_quantize import FakeQuantize, HeldValue
from engine.compress.layers import Quantized
from engine.compress.methods.checkpoint import Checkpoint
from engine.compress.methods.rounding import rounded
from engine.compress.methods.stages import Stage
from engine.compress.methods.walk import Inputs, plan_of, walk
from engine.compress.prune_masks import check_zero, mask_of, set_mask
from engine.compress.prune_sparsegpt import selection_of
from engine.compress.signal import noise
from engine.errors import InputError
from engine.formats import Format, parse
from engine.formats.base import Packed
from engine.formats.held import held_of
from engine.layers import live_layers, weight_of
from engine.rounding import NOTHING_TO_CHOOSE, Method, Sparsity, leaves_nothing, undivided


def round_by(
    model: nn.Module,
    specs: Mapping[str, str],
    methods: Mapping[str, Method],
    batches: Sequence[Batch],
    checkpoint: Checkpoint | None = None,
    report: Callable[[int, int], None] = lambda _done, _total: None,
    sparsity: Sparsity | None = None,
) -> None:
    """Gives the quantised layers named in `specs`, whose weights are still as they were, values in their formats.

    `methods` has one for each of them. With a `sparsity` gptq prunes in the same pass: masks lie over the weights then.

    Raises:
        InputError: no batches, a layer that nothing enters, a format in which there is nothing to choose, and to prune
            a format without zero, or a layer whose inputs M does not divide.
    """
    if leaves_nothing(specs.values()):
        raise InputError(f"{NOTHING_TO_CHOOSE}.")
    selection = None
    if sparsity is not None:
        _check_prunable(model, specs, sparsity)
        selection = selection_of(sparsity)
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
                chosen = rounded(_rows(layer), inputs.moments.hessian, number_format, ordered, alive, selection)
                left = None if selection is None else chosen.alive
                tensors.update(_kept(name, chosen.format, chosen.values, left, short))
                _place(model, uses[name], chosen.format, chosen.values, left, short)

    def done(number: int, _stage: Stage) -> None:
        report(number, len(plan))
        if checkpoint is not None:
            checkpoint.save(number, tensors)

    walk(model, plan, batches, visit, done, start)


def _check_prunable(model: nn.Module, specs: Mapping[str, str], sparsity: Sparsity) -> None:
    for name, spec in specs.items():
        check_zero(parse(spec))
        columns = _rows(_layer(model, name)).shape[1]
        if sparsity.pattern and columns % sparsity.pattern[1]:
            raise InputError(undivided(name, columns, sparsity.pattern[1]))


def _layer(model: nn.Module, name: str) -> Quantized:
    layer = model.get_submodule(name)
    assert isinstance(layer, Quantized)
    return layer


def _rows(layer: Quantized) -> torch.Tensor:
    return layer.kind.rows(weight_of(layer).detach()).float()


def _place(
    model: nn.Module,
    names: Sequence[str],
    chosen: Format,
    values: torch.Tensor,
    alive: torch.Tensor | None,
    short: bool,
) -> None:
    """Gives a layer, under every name of its weight, values, the format that gives them back and the mask over them.

    Without `alive`, rows, a mask stays what it is.
    """
    first = _layer(model, names[0])
    values = values.to(weight_of(first).device)
    if alive is not None:
        mask = first.kind.shaped(alive, weight_of(first).shape)
        set_mask(first, mask, [_layer(model, name) for name in names[1:]])
    measured = noise(chosen, _rows(first), values)
    quantizer, held = FakeQuantize(chosen), HeldValue()
    with torch.no_grad():
        weight = weight_of(first)
        weight.copy_(first.kind.shaped(values, weight.shape))
    held.put(first, "weight", weight.detach())  # it is rounded by now
    for name in names:
        layer = _layer(model, name)
        layer.weight_format, layer.held_weight = quantizer.to(weight.device), held
        layer.noise, layer.short = measured, short


def _kept(
    name: str, chosen: Format, values: torch.Tensor, alive: torch.Tensor | None, short: bool
) -> dict[str, torch.Tensor]:
    """What a checkpoint holds of a finished layer."""
    packed = chosen.pack(values.cpu())
    spec = torch.tensor(list(packed.spec.encode()), dtype=torch.uint8)
    facts = {"spec": spec, "shape": torch.tensor(packed.shape), "short": torch.tensor(short)}
    if alive is not None:
        facts["alive"] = alive.cpu()
    return {f"{name}:{part}": tensor.contiguous() for part, tensor in (facts | dict(packed.tensors)).items()}


def _restored(name: str, tensors: Mapping[str, torch.Tensor]) -> tuple[Format, torch.Tensor, torch.Tensor | None, bool]:
    parts = {key.partition(":")[2]: one for key, one in tensors.items() if key.startswith(f"{name}:")}
    spec, shape, short = (parts.pop(part).tolist() for part in ("spec", "shape", "short"))
    alive = parts.pop("alive", None)
    packed = Packed(bytes(spec).decode(), tuple(shape), parts)
    chosen = parse(packed.spec)
    return held_of(chosen, packed), chosen.unpack(packed), alive, bool(short)
