"""What a method divides errors by: the upper Cholesky factor of the inverse of a damped H."""

from dataclasses import dataclass

import torch
from torch import Tensor

DAMPING = 0.01
"""Of the mean of H's diagonal, added to it: what keeps an H of few samples from having no inverse."""


@dataclass(frozen=True, slots=True)
class Factor:
    """`upper` U, float32, with UᵀU = H⁻¹ for columns taken in `order`, int64 [columns]."""

    upper: Tensor
    order: Tensor
    reordered: bool


def factor(hessian: Tensor, act_order: bool = False) -> Factor:
    """The factor of H, `[columns, columns]`, damped; a column that nothing enters stands alone.

    With `act_order` the columns come by falling diagonal of H.
    """
    h = hessian.double().clone()
    diagonal = h.diagonal()
    dead = diagonal == 0
    damping = DAMPING * float(diagonal.mean())
    diagonal[dead] = 1.0
    order = torch.arange(len(h), device=h.device)
    if act_order:
        order = diagonal.argsort(descending=True, stable=True)
        h = h[order][:, order]
    h.diagonal().add_(damping)
    return Factor(_upper(h).float(), order, act_order)


def _upper(h: Tensor) -> Tensor:
    """U of UᵀU = H⁻¹. With H = R·Rᵀ, R upper (a Cholesky factor read from the last row up), U = R⁻¹."""
    lower = torch.linalg.cholesky(h.flip(0, 1))
    identity = torch.eye(len(h), dtype=h.dtype, device=h.device)
    inverse: Tensor = torch.linalg.solve_triangular(lower, identity, upper=False)
    return inverse.flip(0, 1).contiguous()
