"""Scores of the weights and the gradients of the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.scores.base import LayerData, Score

if TYPE_CHECKING:
    from torch import Tensor


def _taylor(data: LayerData) -> Tensor:
    """|w · ∂L/∂w|: how far the loss moves, to first order, without the weight (P. Molchanov et al., 2019)."""
    assert data.gradient is not None
    return (data.weight * data.gradient).abs()


PLACE = 2
SCORES = (Score("taylor", "Taylor", "the smallest times their gradients", _taylor, needs="gradients"),)
