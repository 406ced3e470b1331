"""GPTQ and SparseGPT as their papers write them, in float64, a column at a time, by another way to the same factor."""

import torch
from torch import Tensor

from engine.formats import parse


def gptq(
    rows: Tensor,
    hessian: Tensor,
    spec: str,
    act_order: bool,
    alive: Tensor | None = None,
    *,
    share: float = 0.0,
    n_of_m: tuple[int, int] | None = None,
) -> Tensor:
    """The values of every element. `rows` [out, columns], one H; what is not alive is zero and stays so.

    Of every 128 columns, when they are reached, a `share` of all weights goes too, or all but n of each m.
    """
    w, h = rows.double().clone(), hessian.double().clone()
    alive = torch.ones_like(rows, dtype=torch.bool) if alive is None else alive.clone()
    w[~alive] = 0
    width = w.shape[1]
    dead = h.diag() == 0
    damp = 0.01 * h.diag().mean()
    h[dead, dead] = 1
    w[:, dead] = 0
    number_format = parse(spec).fit(w.float())
    order = sorted(range(width), key=lambda j: -float(h[j, j])) if act_order else list(range(width))
    h = h[order][:, order] + damp * torch.eye(width, dtype=torch.float64)
    upper = torch.linalg.cholesky(torch.linalg.inv(h), upper=True)
    block = number_format.block or width
    whole = w.clone()
    now, q = w[:, order].clone(), torch.zeros_like(w)
    parameters: dict[int, tuple[Tensor, ...]] = {}
    for j in range(width):
        group = order[j] // block
        if group not in parameters:
            source = whole[:, group * block : (group + 1) * block] if act_order else now[:, j : j + block]
            parameters[group] = number_format.shared(source.float().contiguous())
        asked = 128 if n_of_m is None else n_of_m[1]
        if (share or n_of_m) and j % asked == 0:
            scores = (now[:, j : j + asked] / upper.diag()[j : j + asked]) ** 2
            scores[~alive[:, j : j + asked]] = -1
            stays = torch.ones_like(scores, dtype=torch.bool)
            if n_of_m is None:
                ranked = scores.flatten().argsort()
                gone = round(share * len(rows) * min(j + asked, width)) - round(share * len(rows) * j)
                stays.view(-1)[ranked[:gone]] = False
            else:
                stays.scatter_(1, scores.argsort(1)[:, : n_of_m[1] - n_of_m[0]], False)
            alive[:, j : j + asked] &= stays
        q[:, order[j]] = number_format.rounded(now[:, j : j + 1].float(), *parameters[group])[:, 0].double()
        q[~alive[:, order[j]], order[j]] = 0
        error = (now[:, j] - q[:, order[j]]) / upper[j, j]
        now[:, j + 1 :] -= error[:, None] * upper[j, None, j + 1 :]
    return q
