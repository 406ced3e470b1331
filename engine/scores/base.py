"""What a score is: a function of what is known of a layer, with a name and what it must know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class LayerData:
    """What is known of a layer; tensors are float, in the shape of its rows unless said otherwise.

    `norm` is the L2 norm of each input over all tokens (places of images) seen, [in], or [out, in · h · w] of a
    convolution, whose weights meet inputs of their own; None where the score needs no inputs, or the layer has none
    to measure. `gradient` is that of the mean loss over the calibration samples; None where it is not needed.
    """

    name: str
    seed: int
    weight: Tensor
    norm: Tensor | None = None
    gradient: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """One method of pruning: the weights with the lowest values of `of`, in the shape of the rows, go.

    `means` says after the name which those are. `needs` is what is measured on calibration samples first, and `title`
    the name in a sentence that says so.
    """

    name: str
    title: str
    means: str
    of: Callable[[LayerData], Tensor]
    needs: Literal["", "inputs", "gradients"] = ""
