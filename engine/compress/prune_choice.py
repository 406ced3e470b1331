"""Which weights go: exactly so many of the lowest scores, or all but N of each M. Ties are broken by seed alone."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor


def count(sparsity: float, elements: int) -> int:
    """How many of `elements` go at a sparsity: the nearest whole number, halves up."""
    return int(sparsity * elements + 0.5)


def drop_lowest(scores: Mapping[str, Tensor], number: int, seed: int, alive: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Masks that drop the `number` lowest of all scores together. What is not alive counts among them, before all.

    Nothing comes back to life: where more than `number` are dead they stay dead. The number is exact at any size: of
    scores that are equal to the highest that goes, those go that a draw puts first. Masks are bool on the CPU, in the
    scores' shapes.
    """
    flat = torch.cat([score.detach().float().cpu().flatten() for score in scores.values()])
    living = torch.cat([alive[name].cpu().flatten() for name in scores])
    flat.masked_fill_(~living, -torch.inf)
    kept = living
    if number:  # a table of words has tens of millions of scores: to sort them all takes eight times their memory
        highest = float(np.partition(flat.numpy(), number - 1)[number - 1])
        kept &= flat >= highest
        going = flat == highest
        left = number - int((flat < highest).sum())
        if left < int(going.sum()) and bool((going & kept).any()):  # of trained weights seldom more than one is equal
            going = _drawn(going, left, seed)
        kept[going] = False
    parts = torch.split(kept, [score.numel() for score in scores.values()])
    return {name: part.view(score.shape).clone() for (name, score), part in zip(scores.items(), parts, strict=True)}


def _drawn(among: Tensor, number: int, seed: int) -> Tensor:
    """The places of `number` of the elements that are True: those that a draw of all puts first, which takes long."""
    order = torch.randperm(among.numel(), generator=torch.Generator().manual_seed(seed))
    return order[among[order]][:number]


def keep_n_of_m(score: Tensor, n: int, m: int, seed: int, alive: Tensor) -> Tensor:
    """A mask that keeps the `n` highest of each `m` neighbours along the last dimension, which `m` divides."""
    groups = score.detach().float().cpu().masked_fill(~alive.cpu(), -torch.inf).reshape(-1, m)
    order = torch.rand(groups.shape, generator=torch.Generator().manual_seed(seed)).argsort(-1)
    ranked = groups.gather(-1, order).argsort(dim=-1, descending=True, stable=True)
    kept = torch.zeros_like(groups, dtype=torch.bool).scatter_(-1, order.gather(-1, ranked[:, :n]), True)
    return kept.view(score.shape) & alive.cpu()


def cubic(final: float, step: int, steps: int) -> float:
    """The sparsity after `step` of `steps`: s·(1 − (1 − t)³), fast at first (M. Zhu and S. Gupta, 2017)."""
    left = 1 - min(1.0, step / steps)
    return final * (1 - left**3)
