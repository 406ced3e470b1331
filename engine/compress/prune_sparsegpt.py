"""SparseGPT (E. Frantar and D. Alistarh, 2023): weights go column by column, and those to the right make up for them.

With H = 2·XᵀX/n of a layer's inputs and U the upper Cholesky factor of H⁻¹: the score of a weight is (w / U_jj)², the
error that its going leaves in the layer's output once all columns to its right have made up for it. Panels of columns
are pruned from left to right; what a column loses, e = (w − q) / U_jj, is taken off the columns to its right as e·U.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from engine.compress.batches import Batch
from engine.compress.methods.factor import factor
from engine.compress.methods.sweep import PANEL, Choose, Selection, sweep
from engine.compress.methods.walk import Inputs, plan_of, walk
from engine.compress.prune_choice import count, drop_lowest, keep_n_of_m
from engine.errors import InputError
from engine.formats import parse
from engine.layers import kind_of, weight_of
from engine.rounding import Sparsity
from engine.training.forward import NotFiniteError

SPARSEGPT = "sparsegpt"


def sparse_layers(
    model: nn.Module, alive: Mapping[str, Tensor], selection: Selection, batches: Sequence[Batch]
) -> dict[str, Tensor]:
    """Prunes layers in the order of execution, each on what comes out of those before; their masks as rows.

    Weights are changed in place. `alive` says of each layer to prune, as rows, what is left of it.

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
                masks[name] = _pruned(model.get_submodule(name), same.moments.hessian, alive[name], selection)

    walk(model, plan_of(model, names, batches), batches, visit)
    return masks


def _pruned(layer: nn.Module, hessian: Tensor, alive: Tensor, selection: Selection) -> Tensor:
    """Writes a layer's pruned weight; its mask as rows. A grouped convolution has an H for each group of rows."""
    kind, weight = kind_of(layer), weight_of(layer)
    assert kind is not None
    rows = kind.rows(weight.detach())
    parts = zip(rows.chunk(len(hessian)), alive.to(rows.device).chunk(len(hessian)), hessian, strict=True)
    found = [sparse_rows(own, h, selection, left) for own, left, h in parts]
    values, mask = (torch.cat(one) for one in zip(*found, strict=True))
    with torch.no_grad():
        weight.copy_(kind.shaped(values, weight.shape))
    return mask


def sparse_rows(weight: Tensor, hessian: Tensor, selection: Selection, alive: Tensor) -> tuple[Tensor, Tensor]:
    """A weight `[rows, columns]` and its mask, pruned with H `[columns, columns]`; float32, on the weight's device.

    What is not alive stays zero. Columns without any input go first: nothing is lost with them.
    """
    hessian = hessian.to(weight.device)
    silent = hessian.diagonal() == 0

    def of(rows: int) -> Choose:
        choose = selection.of(rows)
        return lambda scores, left, first: choose(
            scores.masked_fill(silent[first : first + scores.shape[1]], 0.0), left, first
        )

    rows = weight.float().masked_fill(~alive, 0.0)
    found = sweep(rows, factor(hessian), parse("fp32"), alive, Selection(selection.columns, of))
    assert found.alive is not None
    return found.values, found.alive


def selection_of(sparsity: Sparsity) -> Selection:
    """The lowest scores go up to a share of all, or all but the highest N of each M neighbours."""
    seed = sparsity.seed
    if sparsity.pattern is None:
        return Selection(PANEL, lambda rows: lowest(sparsity.share, seed, rows))
    n, m = sparsity.pattern
    return Selection(m, lambda _: n_of_m(n, m, seed))


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
