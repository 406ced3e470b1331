"""One pass over the columns of a weight, each error moved on: GPTQ where they are rounded, SparseGPT where some go."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.compress.methods.factor import Factor
from engine.formats import Format

PANEL = 128
"""Columns whose errors are moved on one by one; those to the right of a panel are changed once, by all of it."""
Choose = Callable[[Tensor, Tensor, int], Tensor]
"""Scores and what is alive of some columns `[rows, columns]`, and the first column's number: which weights stay."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which weights stay: what `of(rows)` gives for so many rows is asked for so many `columns` at a time."""

    columns: int
    of: Callable[[int], Choose]


@dataclass(frozen=True, slots=True)
class Swept:
    """Values `[rows, columns]`, the format's parameters by group, `[rows, groups, 1]` each, and what is alive."""

    values: Tensor
    shared: tuple[Tensor, ...]
    alive: Tensor | None


def sweep(
    rows: Tensor, given: Factor, fitted: Format, alive: Tensor | None = None, selection: Selection | None = None
) -> Swept:
    """Rows `[rows, columns]`, float32, in a format, column by column: e = (w − q) / U_jj is taken off those to come.

    What is not `alive`, bool in the rows' shape, becomes zero. A `selection`, for columns in their natural order alone,
    is asked which weights of its next columns stay when the first of them is reached. The score of a weight is then
    (w / U_jj)², the error that its going leaves in the outputs once all columns to its right have made up for it.
    """
    order, upper = given.order, given.upper
    width = rows.shape[1]
    block = min(fitted.block or width, width)
    work = rows.t()[order].contiguous()  # a column's values lie side by side
    values = torch.empty_like(work)
    groups: list[tuple[Tensor, ...]] = []
    if given.reordered:
        groups = [fitted.shared(group) for group in torch.split(rows, block, 1)]
    choose = None if selection is None else selection.of(len(rows))
    step = 0 if selection is None else selection.columns
    if choose is not None:
        alive = torch.ones_like(rows, dtype=torch.bool) if alive is None else alive.clone()
    places = order.tolist()
    with _one_thread(rows):
        for start, stop in _panels(width, () if given.reordered else (block, step) if step else (block,)):
            errors = torch.empty_like(work[start:stop])
            for j in range(start, stop):
                if not given.reordered and j % block == 0:
                    groups.append(fitted.shared(work[j : j + block].t().contiguous()))
                if choose is not None and alive is not None and j % step == 0:
                    scores = (work[j : j + step] / upper.diagonal()[j : j + step, None]).square().t()
                    alive[:, j : j + step] = choose(scores, alive[:, j : j + step], j).to(alive.device)
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
    return Swept(back, tuple(torch.stack(same, 1) for same in zip(*groups, strict=True)), alive)


def _panels(width: int, sizes: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Where panels start and end: what is so many columns wide begins in a panel that holds it, or at its start."""
    start = 0
    while start < width:
        stop = min(start + PANEL, width)
        while stop < width and (begun := [last for size in sizes if start < (last := stop // size * size) < stop]):
            stop = min(begun)
        yield start, stop
        start = stop


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
