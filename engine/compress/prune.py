"""A pruned copy of a model: masks over weights, N of M, or whole neurons and heads cut out."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from engine.compress.prune_choice import count, drop_lowest, keep_n_of_m
from engine.compress.prune_masks import mask_of, set_mask, set_threshold
from engine.compress.prune_scores import scored
from engine.compress.prune_structure import Kind, blocks, cut, involved, unit_scores
from engine.compress.quantize import Batch
from engine.compress.selection import included_layers
from engine.errors import InputError

Granularity = Literal["weights", "n:m", "neurons", "heads"]
Scope = Literal["layer", "global"]


@dataclass(frozen=True, slots=True)
class Pruning:
    """What to prune. `sparsity` is the share of weights (or neurons, or heads) that go; N:M goes by `pattern` instead.

    With the scope `global` the lowest scores of all layers go, whatever layer they are in. `include` and `exclude` are
    types or patterns as in `LayerFormats`. Inputs below `threshold` times their token's largest are zeroed too.
    """

    method: str = "l1"
    sparsity: float = 0.5
    granularity: Granularity = "weights"
    scope: Scope = "layer"
    pattern: tuple[int, int] = (2, 4)
    include: tuple[str, ...] = ("Linear",)
    exclude: tuple[str, ...] = ()
    threshold: float = 0.0
    seed: int = 0


def prune_model(model: nn.Module, pruning: Pruning, calibration: Iterable[Batch] = ()) -> nn.Module:
    """A pruned copy of `model`; the original is untouched.

    Raises:
        InputError: a pattern that fits no layer, rows that M does not divide, a number format without zero, no blocks
            to cut, or a layer that the method cannot score.
    """
    pruned = copy.deepcopy(model)
    prune(pruned, pruning, calibration)
    names = included_layers(pruned, pruning.include, pruning.exclude)
    for name in names if pruning.threshold > 0 else ():
        layer = pruned.get_submodule(name)
        if isinstance(layer, nn.Linear):
            set_threshold(layer, pruning.threshold)
    return pruned


def prune(model: nn.Module, pruning: Pruning, calibration: Iterable[Batch] = ()) -> None:
    """Prunes a model in place, by its weights as they are now; what was pruned before stays pruned and counts."""
    names = included_layers(model, pruning.include, pruning.exclude)
    if pruning.granularity in ("neurons", "heads"):
        _cut(model, "neurons" if pruning.granularity == "neurons" else "heads", names, pruning, calibration)
        return
    scores = scored(pruning.method, model, names, pruning.seed, calibration)
    alive = {name: _alive(model.get_submodule(name)) for name in names}
    if pruning.granularity == "n:m":
        n, m = pruning.pattern
        for name in names:
            if scores[name].shape[-1] % m:
                raise InputError(
                    f"{name} has {scores[name].shape[-1]} inputs, which {m} does not divide; leave it out with skip."
                )
        masks = {name: keep_n_of_m(scores[name], n, m, pruning.seed, alive[name]) for name in names}
    else:
        masks = _lowest(scores, pruning, alive)
    for name, mask in masks.items():
        set_mask(model.get_submodule(name), mask)


def _lowest(scores: dict[str, Tensor], pruning: Pruning, alive: dict[str, Tensor]) -> dict[str, Tensor]:
    together = [scores] if pruning.scope == "global" else [{name: score} for name, score in scores.items()]
    masks: dict[str, Tensor] = {}
    for group in together:
        number = count(pruning.sparsity, sum(score.numel() for score in group.values()))
        masks |= drop_lowest(group, number, pruning.seed, alive)
    return masks


def _cut(model: nn.Module, kind: Kind, names: list[str], pruning: Pruning, calibration: Iterable[Batch]) -> None:
    """Each block keeps one unit at least."""
    found = blocks(model, kind, names)
    scores = scored(pruning.method, model, involved(found), pruning.seed, calibration)
    units = {block.columns: unit_scores(block, scores) for block in found}
    # The best unit of each block stays whatever the scope.
    alive = {name: torch.ones_like(score, dtype=torch.bool) for name, score in units.items()}
    for score in units.values():
        score[score.argmax()] = torch.inf
    kept = _lowest(units, pruning, alive)
    for name, score in units.items():
        kept[name][score.argmax()] = True
    cut(model, found, [kept[block.columns] for block in found])


def _alive(layer: nn.Module) -> Tensor:
    mask = mask_of(layer)
    weight = layer.weight
    assert isinstance(weight, Tensor)
    return torch.ones(weight.shape, dtype=torch.bool) if mask is None else mask.cpu().clone()
