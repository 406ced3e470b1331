"""Whole neurons of feed-forward blocks and whole attention heads: scored together and really cut out."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from engine.compress.layers import Quantized, replace_layers, resized
from engine.compress.prune_masks import rebuilt
from engine.compress.prune_units import Block, Kind, example_inputs, find_blocks
from engine.errors import InputError
from engine.layers import Layer, describe_model, is_meant, kind_of, live_layers, weight_of
from engine.models.python_file import WHOLE
from engine.training.forward import logits_of, raised

_CLOSE = 1e-4


def blocks(model: nn.Module, kind: Kind, names: Sequence[str]) -> list[Block]:
    """The feed-forward or attention blocks whose layers are among `names`: those at least whose outputs go.

    Raises:
        InputError: there is none, or the model cannot be looked at.
    """
    try:
        every = find_blocks(model)
    except Exception as error:  # whatever the model's own code says to being traced
        raise InputError(
            f"the {kind} of {type(model).__name__} cannot be found: its forward raised {raised(error)}; prune weights "
            "instead."
        ) from error
    found = [block for block in every if block.kind == kind and set(block.rows) & set(names)]
    if not found:
        where = "among the chosen layers" if any(block.kind == kind for block in every) else "in this model"
        raise InputError(f"no {kind} that can be cut out are {where}; prune weights instead, or include more layers.")
    return found


def involved(found: Sequence[Block]) -> list[str]:
    """Every layer that loses something."""
    return [name for block in found for name in (*block.rows, block.columns)]


def unit_scores(block: Block, scores: Mapping[str, Tensor]) -> Tensor:
    """The sum of the scores of all that would go with each unit, [units]."""
    rows = [scores[name].double().sum(1)[places].sum(1) for name, places in block.rows.items()]
    return scores[block.columns].double().sum(0)[block.taken].sum(1) + torch.stack(rows).sum(0)


def cut(model: nn.Module, found: Sequence[Block], kept: Sequence[Tensor]) -> None:
    """Takes the units that are not kept out of the model, in place: its layers become smaller.

    The modules around them are given the number of heads, and if need be the widths, that are left. Whether the model
    then gives what it gave with zeros for what is lost is tried on a few tokens.

    Raises:
        InputError: the model's own code cannot do without the units.
    """
    pairs = list(zip(found, kept, strict=True))
    exact = not any(isinstance(model.get_submodule(name), Quantized) for name in involved(found))
    wanted, uses = _without(model, pairs), live_layers(model)
    for block, units in pairs:
        for name in block.rows:
            _put(model, uses[name], rows=block.row_places(name, units))
        _put(model, uses[block.columns], columns=block.places(units))
    reason = ""
    for change in (lambda *_: False, _counts_heads, _is_size):
        with _renumbered(model, pairs, change) as settled:
            try:
                given = _outputs(model)
                settled.append(not exact or torch.allclose(given, wanted, atol=_CLOSE, rtol=_CLOSE))
                reason = "it would compute something else"
            except Exception as error:  # shapes that do not fit: the next attempt changes more
                reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        if any(settled):
            return
    name = f"{found[0].kind} of {type(model).__name__}"
    raise InputError(f"the {name} cannot be cut out ({reason.rstrip('.')}); prune weights instead.")


def _outputs(model: nn.Module) -> Tensor:
    with torch.no_grad():
        return logits_of(model, example_inputs(model))


def _without(model: nn.Module, pairs: Sequence[tuple[Block, Tensor]]) -> Tensor:
    """What the model gives with zeros in place of what is to go."""
    masked = copy.deepcopy(model).eval()
    for block, units in pairs:
        layer = masked.get_submodule(block.columns)
        kind, weight = kind_of(layer), weight_of(layer)
        assert kind is not None
        with torch.no_grad():
            kind.rows(weight)[:, block.places(~units.cpu()).to(weight.device)] = 0
    return _outputs(masked)


def _counts_heads(name: str, value: int, block: Block) -> bool:
    return "head" in name and not any(word in name for word in ("dim", "size")) and value % block.units == 0


def _is_size(name: str, value: int, block: Block) -> bool:
    sizes = {block.taken.numel(), *(rows.numel() for rows in block.rows.values())}
    return _counts_heads(name, value, block) or value in sizes


@contextmanager
def _renumbered(
    model: nn.Module, pairs: Sequence[tuple[Block, Tensor]], change: Callable[[str, int, Block], bool]
) -> Iterator[list[bool]]:
    """Scales the numbers that `change` picks in the modules around cut layers; undone where nothing is settled."""
    settled: list[bool] = []
    before = []
    uses = live_layers(model)
    for block, units in pairs:
        names = [use for name in (*block.rows, block.columns) for use in uses[name]]
        around = {id(one): one for name in names for one in [_parent(model, name)]}
        for module in around.values():
            for name, value in _numbers(module).items():
                if value and change(name, value, block):
                    before.append((module, name, value))
                    setattr(module, name, value * int(units.sum()) // block.units)
    yield settled
    if not any(settled):
        for module, name, value in before:
            setattr(module, name, value)


def _numbers(module: nn.Module) -> dict[str, int]:
    """The whole numbers that a module holds as attributes."""
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, int) and not isinstance(value, bool) and not name.startswith("_")
    }


def cut_shapes(model: nn.Module) -> dict[str, tuple[int, int]]:
    """Shapes [out, in] of the linear layers that are smaller than the model's config says."""
    whole = _linear(_whole(model))
    return {
        name: one.kind.row_shape(one.shape)
        for name, one in _linear(model).items()
        if name in whole and whole[name].shape != one.shape
    }


def cut_numbers(model: nn.Module) -> dict[str, dict[str, int]]:
    """By module the numbers of heads and widths that are other than the model's config says, around cut layers."""
    whole = _whole(model)
    uses = live_layers(model)
    around = {use.rpartition(".")[0] for name in cut_shapes(model) for use in uses[name]}
    differ = {
        name: {
            key: value
            for key, value in _numbers(model.get_submodule(name)).items()
            if _numbers(whole.get_submodule(name)).get(key, value) != value
        }
        for name in around
    }
    return {name: found for name, found in sorted(differ.items()) if found}


def shrink(model: nn.Module, shapes: Mapping[str, Sequence[int]], numbers: Mapping[str, Mapping[str, int]]) -> None:
    """Gives layers the sizes that `cut_shapes` told, and what is around them its numbers: a cut model can be loaded."""
    own = {use: name for name, uses in live_layers(model).items() for use in uses}

    def replacement(name: str, layer: nn.Module) -> nn.Module | None:
        if (shape := shapes.get(own.get(name, ""))) is None:
            return None
        return resized(layer, torch.arange(shape[0]), torch.arange(shape[1]))

    replace_layers(model, replacement)
    for name, values in numbers.items():
        for key, value in values.items():
            setattr(model.get_submodule(name), key, value)


def _whole(model: nn.Module) -> nn.Module:
    """What the model's config says, without values; the model itself where nothing says what it was."""
    if (made := getattr(model, WHOLE, None)) is not None:
        return made  # type: ignore[no-any-return]
    config: Any = getattr(model, "config", None)
    if config is None:
        return model
    with torch.device("meta"):
        anew: nn.Module = type(model)(config)
    return anew


def _put(model: nn.Module, uses: Sequence[str], rows: Tensor | None = None, columns: Tensor | None = None) -> None:
    """Gives a layer, by every name that its weight is used under, some of its rows or columns."""
    kind = kind_of(model.get_submodule(uses[0]))
    assert kind is not None

    def part(mask: Tensor) -> Tensor:
        mask = kind.rows(mask)
        mask = mask if rows is None else mask[rows.to(mask.device)]
        mask = mask if columns is None else mask[:, columns.to(mask.device)]
        return kind.shaped(mask, mask.shape)

    first: nn.Module | None = None
    for use in uses:
        new = rebuilt(model.get_submodule(use), lambda bare: resized(bare, rows, columns), part)
        setattr(_parent(model, use), use.rpartition(".")[2], new)
        if first is not None and "weight" in new._parameters:  # the same weight as before under every name
            new._parameters["weight"] = first.get_parameter("weight")
        first = first or new


def _parent(model: nn.Module, name: str) -> nn.Module:
    return model.get_submodule(name.rpartition(".")[0])


def _linear(model: nn.Module) -> dict[str, Layer]:
    return {name: layer for name, layer in describe_model(model).items() if is_meant(layer.kind, "Linear")}
