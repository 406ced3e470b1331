"""Scores of the weights and what they meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.scores.base import LayerData, Score

if TYPE_CHECKING:
    from torch import Tensor


def _wanda(data: LayerData) -> Tensor:
    """|w| times the norm of the input that it meets (M. Sun et al., 2023).

    Raises:
        InputError: the layer has no inputs to measure.
    """
    if data.norm is None:
        raise InputError(
            f"wanda scores what enters a linear layer or a convolution; {data.name} is none: leave it out with skip."
        )
    return data.weight.abs() * data.norm


PLACE = 1
SCORES = (Score("wanda", "Wanda", "the smallest times their inputs", _wanda, needs="inputs"),)
