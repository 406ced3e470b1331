"""Which values a weight gets: the nearest, or those of GPTQ (Frantar et al. 2022), in every format."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.compress.methods.factor import Factor, factor
from engine.formats import Format
from engine.formats.held import Held

PANEL = 128
"""Columns whose errors are moved on one by one; those to the right of a panel are changed once, by all of it."""


@dataclass(frozen=True, slots=True)
class Rounded:
    """The values of a weight's rows, in the format that gives them back, and what that costs.

    `error` is tr((W−Q)·H·(W−Q)ᵀ): twice the mean squared error of the layer's outputs, summed over them; `nearest`
    is that of the nearest values.
    """

    values: Tensor
    format: Format
    error: float
    nearest: float


def rounded(
    rows: Tensor, hessian: Tensor, number_format: Format, act_order: bool, alive: Tensor | None = None
) -> Rounded:
    """Rows `[out, columns]` rounded column by column, each error moved to the columns that are still to come.

    `hessian` is `[groups, columns, columns]`, the rows parted evenly among the groups. Open parameters of the format
    are fitted to the rows, those of a block when its first column is reached, or, with `act_order`, which takes the
    columns by falling diagonal of H, beforehand. Columns that nothing enters become zero first. Where `alive`, bool in
    the rows' shape, is False a mask lies over the weight: there it is zero and stays so, and the error of that is moved
    on like any other.
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
        _columns(part, factor(h, act_order), fitted, mask)
        for part, h, mask in zip(living.chunk(len(hessian)), hessian, masks, strict=True)
    ]
    values = torch.cat([one for one, _ in found])
    shared = tuple(torch.cat(same) for same in zip(*(one for _, one in found), strict=True))
    chosen = Held(fitted, shared) if fitted.holds else fitted
    nearest = fitted.quantize(rows)
    if alive is not None:
        nearest = nearest.masked_fill(~alive, 0.0)
    return Rounded(values, chosen, objective(rows, values, hessian), objective(rows, nearest, hessian))


def objective(rows: Tensor, values: Tensor, hessian: Tensor) -> float:
    """tr((W−Q)·H·(W−Q)ᵀ), in float64."""
    hessian = hessian.to(rows.device).double()
    missed = (rows.double() - values.double()).view(len(hessian), -1, rows.shape[1])
    return float(((missed @ hessian) * missed).sum())


def _columns(rows: Tensor, given: Factor, fitted: Format, alive: Tensor | None) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The values, and the parameters by group, `[rows, groups, 1]` each."""
    order, upper = given.order, given.upper
    width = rows.shape[1]
    block = min(fitted.block or width, width)
    work = rows.t()[order].contiguous()  # a column's values lie side by side
    values = torch.empty_like(work)
    groups: list[tuple[Tensor, ...]] = []
    if given.reordered:
        groups = [fitted.shared(group) for group in torch.split(rows, block, 1)]
    places = order.tolist()
    with _one_thread(rows):
        for start, stop in _panels(width, block, given.reordered):
            errors = torch.empty_like(work[start:stop])
            for j in range(start, stop):
                if not given.reordered and j % block == 0:
                    groups.append(fitted.shared(work[j : j + block].t().contiguous()))
                column = work[j]
                value = fitted.rounded(column.unsqueeze(1), *groups[places[j] // block]).squeeze(1)
                if alive is not None:
                    value = value * alive[:, places[j]]
                values[j] = value
                torch.div(column - value, upper[j, j], out=errors[j - start])
                if j + 1 < stop:
                    work[j + 1 : stop].addr_(upper[j, j + 1 : stop], errors[j - start], alpha=-1)
            if stop < width:
                work[stop:].addmm_(upper[start:stop, stop:].t(), errors, alpha=-1)
    back = torch.empty_like(rows)
    back[:, order] = values.t()
    return back, tuple(torch.stack(same, 1) for same in zip(*groups, strict=True))


def _panels(width: int, block: int, reordered: bool) -> Iterator[tuple[int, int]]:
    """Where panels start and end: a block begins in a panel that holds all of it, or at a panel's start."""
    if reordered or block <= PANEL:
        step = PANEL if reordered else PANEL // block * block
        for start in range(0, width, step):
            yield start, min(start + step, width)
        return
    for first in range(0, width, block):
        last = min(first + block, width)
        for start in range(first, last, PANEL):
            yield start, min(start + PANEL, last)


@contextmanager
def _one_thread(x: Tensor) -> Iterator[None]:
    """A column is too little work to share among threads."""
    threads = torch.get_num_threads()
    if x.device.type != "cpu" or threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
