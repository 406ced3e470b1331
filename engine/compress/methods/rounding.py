"""Which values a weight gets: the nearest, or those of GPTQ (Frantar et al. 2022), in every format."""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.compress.methods.factor import factor
from engine.compress.methods.sweep import Selection, sweep
from engine.formats import Format
from engine.formats.held import Held


@dataclass(frozen=True, slots=True)
class Rounded:
    """The values of a weight's rows, in the format that gives them back, and what that costs.

    `error` is tr((W−Q)·H·(W−Q)ᵀ): twice the mean squared error of the layer's outputs, summed over them; `nearest`
    is that of the nearest values. `alive` is what a mask over the weight leaves, bool in the rows' shape.
    """

    values: Tensor
    format: Format
    error: float
    nearest: float
    alive: Tensor | None = None


def rounded(
    rows: Tensor,
    hessian: Tensor,
    number_format: Format,
    act_order: bool,
    alive: Tensor | None = None,
    selection: Selection | None = None,
) -> Rounded:
    """Rows `[out, columns]` rounded column by column, each error moved to the columns that are still to come.

    `hessian` is `[groups, columns, columns]`, the rows parted evenly among the groups. Open parameters of the format
    are fitted to the rows, those of a block when its first column is reached, or, with `act_order`, which takes the
    columns by falling diagonal of H, beforehand. Columns that nothing enters become zero first. Where `alive`, bool in
    the rows' shape, is False a mask lies over the weight: there it is zero and stays so, and the error of that is moved
    on like any other. A `selection` takes more away in the same pass (SparseGPT, Frantar and Alistarh 2023).
    """
    rows, hessian = rows.detach().float(), hessian.to(rows.device)
    alive = None if alive is None else alive.to(rows.device)
    if alive is not None:
        rows = rows.masked_fill(~alive, 0.0)
    parts = list(zip(rows.chunk(len(hessian)), hessian, strict=True))
    living = torch.cat([part.masked_fill(h.diagonal() == 0, 0.0) for part, h in parts])
    fitted = number_format.fit(living) if number_format.open else number_format
    masks = [None] * len(hessian) if alive is None else alive.chunk(len(hessian))
    found = [
        sweep(part, factor(h, act_order), fitted, mask, selection)
        for part, h, mask in zip(living.chunk(len(hessian)), hessian, masks, strict=True)
    ]
    values = torch.cat([one.values for one in found])
    shared = tuple(torch.cat(same) for same in zip(*(one.shared for one in found), strict=True))
    left = [one.alive for one in found if one.alive is not None]
    chosen = Held(fitted, shared) if fitted.holds else fitted
    nearest = fitted.quantize(rows)
    if left:
        alive = torch.cat(left)
        nearest = nearest.masked_fill(~alive, 0.0)
    return Rounded(values, chosen, objective(rows, values, hessian), objective(rows, nearest, hessian), alive)


def objective(rows: Tensor, values: Tensor, hessian: Tensor) -> float:
    """tr((W−Q)·H·(W−Q)ᵀ), in float64."""
    hessian = hessian.to(rows.device).double()
    missed = (rows.double() - values.double()).view(len(hessian), -1, rows.shape[1])
    return float(((missed @ hessian) * missed).sum())
