"""SparseGPT (E. Frantar and D. Alistarh, 2023): weights go column by column, and those to the right make up for them.

With H = 2·XᵀX/n of a layer's inputs and U the upper Cholesky factor of H⁻¹: the score of a weight is (w / U_jj)², the
error that its going leaves in the layer's output once all columns to its right have made up for it. Panels of columns
are pruned from left to right; what a column loses, e = (w − q) / U_jj, is taken off the columns to its right as e·U.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from engine.compress.batches import Batch
from engine.compress.methods.factor import factor
from engine.compress.methods.rounding import PANEL
from engine.compress.methods.walk import Inputs, plan_of, walk
from engine.compress.prune_choice import count, drop_lowest, keep_n_of_m
from engine.errors import InputError
from engine.layers import kind_of, weight_of
from engine.training.forward import NotFiniteError

SPARSEGPT = "sparsegpt"

Choose = Callable[[Tensor, Tensor, int], Tensor]
"""Scores and what is alive of some columns `[rows, columns]`, and the first column's number: which weights stay."""


def sparse_layers(
    model: nn.Module,
    alive: Mapping[str, Tensor],
    choose: Callable[[int], Choose],
    columns: int,
    batches: Sequence[Batch],
) -> dict[str, Tensor]:
    """Prunes layers in the order of execution, each on what comes out of those before; their masks as rows.

    Weights are changed in place. `alive` says of each layer to prune, as rows, what is left of it; `choose` is asked
    for each with its number of rows.

    Raises:
        InputError: without batches, or a layer that nothing enters.
        NotFiniteError: what enters a layer holds NaN or infinity.
    """
    names = list(alive)
    for name in names:
        if (kind := kind_of(model.get_submodule(name))) is None or kind.table:
            raise InputError(f"sparsegpt prunes by what enters a layer; {name} is a table: leave it out with skip.")
    masks: dict[str, Tensor] = {}

    def visit(found: Sequence[Inputs]) -> None:
        for same in found:
            if not bool(torch.isfinite(same.moments.hessian).all()):
                raise NotFiniteError(
                    f"what enters {same.names[0]} in calibration is not finite: nothing can be pruned by it."
                )
            for name in same.names:
                masks[name] = _pruned(model.get_submodule(name), same.moments.hessian, alive[name], choose, columns)

    walk(model, plan_of(model, names, batches), batches, visit)
    return masks


def _pruned(layer: nn.Module, hessian: Tensor, alive: Tensor, choose: Callable[[int], Choose], columns: int) -> Tensor:
    """Writes a layer's pruned weight; its mask as rows. A grouped convolution has an H for each group of rows."""
    kind, weight = kind_of(layer), weight_of(layer)
    assert kind is not None
    rows = kind.rows(weight.detach())
    parts = zip(rows.chunk(len(hessian)), alive.to(rows.device).chunk(len(hessian)), hessian, strict=True)
    found = [sparse_rows(own, h, choose(len(own)), left, columns) for own, left, h in parts]
    values, mask = (torch.cat(one) for one in zip(*found, strict=True))
    with torch.no_grad():
        weight.copy_(kind.shaped(values, weight.shape))
    return mask


def sparse_rows(weight: Tensor, hessian: Tensor, choose: Choose, alive: Tensor, columns: int) -> tuple[Tensor, Tensor]:
    """A weight `[rows, columns]` and its mask, pruned with H `[columns, columns]`; float32, on the weight's device.

    `choose` is asked for so many `columns` at a time, which PANEL is made to hold whole numbers of. What is not alive
    stays zero. Columns without any input go first: nothing is lost with them.
    """
    hessian = hessian.to(weight.device)
    upper, silent = factor(hessian).upper, hessian.diagonal() == 0
    left = weight.float().masked_fill(~alive, 0.0)
    mask, width = alive.clone(), columns * max(1, PANEL // columns)
    for start in range(0, left.shape[1], width):
        end = min(start + width, left.shape[1])
        panel, own = left[:, start:end].clone(), upper[start:end, start:end]
        errors = torch.zeros_like(panel)
        for place in range(end - start):
            if place % columns == 0:
                asked = slice(place, min(place + columns, end - start))
                scores = (panel[:, asked] / own.diagonal()[asked]).square()
                scores = scores.masked_fill(silent[start:end][asked], 0.0)
                kept = choose(scores, alive[:, start:end][:, asked], start + place)
                mask[:, start:end][:, asked] = kept.to(mask.device)
            column = panel[:, place] * mask[:, start + place]
            errors[:, place] = (panel[:, place] - column) / own[place, place]
            panel[:, place:] -= errors[:, place, None] * own[place, place:]
            panel[:, place] = column
        left[:, start:end] = panel
        left[:, end:] -= errors @ upper[start:end, end:]
    return left.masked_fill(~mask, 0.0), mask


def lowest(sparsity: float, seed: int, rows: int) -> Choose:
    """Drops the lowest scores of all rows together, so that the share of all columns so far is exact."""

    def choose(scores: Tensor, alive: Tensor, first: int) -> Tensor:
        end = first + scores.shape[1]
        number = count(sparsity, rows * end) - count(sparsity, rows * first)
        return drop_lowest({"": scores}, number, seed + first, {"": alive})[""]

    return choose


def n_of_m(n: int, m: int, seed: int) -> Choose:
    """Keeps the `n` highest scores of each `m` neighbours in a row."""
    return lambda scores, alive, first: keep_n_of_m(scores, n, m, seed + first, alive)
