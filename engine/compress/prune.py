"""A pruned copy of a model: masks over weights, N of M, or whole neurons and heads cut out."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from engine.compress.batches import Batch
from engine.compress.preparation import refuse_prepared
from engine.compress.prune_channels import cut_channels
from engine.compress.prune_choice import count, drop_lowest, keep_n_of_m
from engine.compress.prune_masks import mask_layers, mask_of, set_threshold
from engine.compress.prune_movement import MOVEMENT, begin_movement, end_movement, trained_mask
from engine.compress.prune_scores import scored
from engine.compress.prune_sparsegpt import SPARSEGPT, selection_of, sparse_layers
from engine.compress.prune_structure import blocks, cut, involved, unit_scores
from engine.compress.prune_units import Kind
from engine.compress.returning import returning_memory
from engine.compress.selection import included_layers
from engine.errors import InputError
from engine.layers import LINEAR, TRANSPOSED, kind_of, weight_of
from engine.rounding import Sparsity, undivided
from engine.training.objective import Objective

Granularity = Literal["weights", "n:m", "neurons", "heads", "channels"]
Scope = Literal["layer", "global"]


@dataclass(frozen=True, slots=True)
class Pruning:
    """What to prune. `sparsity` is the share of weights (neurons, heads, channels) that go; N:M goes by `pattern`.

    With the scope `global` the lowest scores of all layers go, whatever layer they are in. `include` and `exclude` are
    types or patterns as in `LayerFormats`. Inputs below `threshold` times their token's largest are zeroed too.
    The `objective` is what methods that score by gradients take them of.
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
    objective: Objective | None = None


def prune_model(model: nn.Module, pruning: Pruning, calibration: Iterable[Batch] = ()) -> nn.Module:
    """A pruned copy of `model`; the original is untouched.

    With the method `movement` nothing is pruned yet: training makes the scores, `prune` goes by them on the way, and
    `settle` ends it.

    Raises:
        InputError: a pattern that fits no layer, rows that M does not divide, a number format without zero, no blocks
            to cut, or a layer that the method cannot score.
    """
    pruned = copy.deepcopy(model)
    if pruning.method == MOVEMENT:
        begin_movement(pruned, included_layers(pruned, pruning.include, pruning.exclude))
    else:
        prune(pruned, pruning, calibration)
    names = included_layers(pruned, pruning.include, pruning.exclude)
    for name in names if pruning.threshold > 0 else ():
        layer = pruned.get_submodule(name)
        if kind_of(layer) in (LINEAR, TRANSPOSED):
            set_threshold(layer, pruning.threshold)
    return pruned


@returning_memory()
def prune(model: nn.Module, pruning: Pruning, calibration: Iterable[Batch] = ()) -> None:
    """Prunes a model in place, by its weights as they are now; what was pruned before stays pruned and counts."""
    names = included_layers(model, pruning.include, pruning.exclude)
    if pruning.granularity in ("neurons", "heads", "channels"):
        refuse_prepared(model, "its inputs are no longer single channels that could be cut")
    if pruning.granularity in ("neurons", "heads"):
        _cut(model, "neurons" if pruning.granularity == "neurons" else "heads", names, pruning, calibration)
        return
    if pruning.granularity == "channels":
        together = pruning.scope == "global"
        cut_channels(
            model, names, pruning.method, pruning.sparsity, together, pruning.seed, calibration, pruning.objective
        )
        return
    alive = {name: _alive(model.get_submodule(name)) for name in names}
    if pruning.granularity == "n:m":
        _check_groups(alive, pruning.pattern[1])
    if pruning.method == SPARSEGPT:
        masks = _sparse(model, pruning, alive, list(calibration))
    else:
        scores = scored(pruning.method, model, names, pruning.seed, calibration, pruning.objective)
        masks = _chosen(scores, pruning, alive)
    shaped = {}
    for name, mask in masks.items():
        kind, weight = kind_of(model.get_submodule(name)), weight_of(model.get_submodule(name))
        assert kind is not None
        shaped[name] = kind.shaped(mask, weight.shape)
    mask_layers(model, shaped)


def settle(model: nn.Module, pruning: Pruning) -> None:
    """Ends the training of scores: the masks stay as they are."""
    end_movement(model, included_layers(model, pruning.include, pruning.exclude))


def _check_groups(alive: dict[str, Tensor], m: int) -> None:
    for name, rows in alive.items():
        if rows.shape[-1] % m:
            raise InputError(undivided(name, rows.shape[-1], m))


def _chosen(scores: Iterable[tuple[str, Tensor]], pruning: Pruning, alive: dict[str, Tensor]) -> dict[str, Tensor]:
    if pruning.granularity != "n:m":
        return _lowest(scores, pruning, alive)
    n, m = pruning.pattern
    return {name: keep_n_of_m(score, n, m, pruning.seed, alive[name]) for name, score in scores}


def _sparse(model: nn.Module, pruning: Pruning, alive: dict[str, Tensor], batches: list[Batch]) -> dict[str, Tensor]:
    """Masks of SparseGPT, which changes what is left too."""
    if pruning.scope == "global":
        raise InputError("sparsegpt prunes a layer after the other, each to the same share: take scopes=layer with it.")
    pattern = pruning.pattern if pruning.granularity == "n:m" else None
    return sparse_layers(model, alive, selection_of(Sparsity(pruning.sparsity, pattern, pruning.seed)), batches)


def _lowest(scores: Iterable[tuple[str, Tensor]], pruning: Pruning, alive: dict[str, Tensor]) -> dict[str, Tensor]:
    together = [dict(scores)] if pruning.scope == "global" else ({name: score} for name, score in scores)
    masks: dict[str, Tensor] = {}
    for group in together:
        number = count(pruning.sparsity, sum(score.numel() for score in group.values()))
        masks |= drop_lowest(group, number, pruning.seed, alive)
    return masks


def _cut(model: nn.Module, kind: Kind, names: list[str], pruning: Pruning, calibration: Iterable[Batch]) -> None:
    """Each block keeps one unit at least."""
    found = blocks(model, kind, names)
    scores = dict(scored(pruning.method, model, involved(found), pruning.seed, calibration, pruning.objective))
    units = {block.columns: unit_scores(block, scores) for block in found}
    # The best unit of each block stays whatever the scope.
    alive = {name: torch.ones_like(score, dtype=torch.bool) for name, score in units.items()}
    for score in units.values():
        score[score.argmax()] = torch.inf
    kept = _lowest(units.items(), pruning, alive)
    for name, score in units.items():
        kept[name][score.argmax()] = True
    cut(model, found, [kept[block.columns] for block in found])


def _alive(layer: nn.Module) -> Tensor:
    """Which weights are left, as rows; while scores are trained those that were left when that began."""
    trained, kind = trained_mask(layer), kind_of(layer)
    mask = mask_of(layer) if trained is None else trained.alive
    assert kind is not None
    if mask is None:
        return torch.ones(kind.row_shape(weight_of(layer).shape), dtype=torch.bool)
    return kind.rows(mask).cpu().clone()
