"""How layers are prepared before they are rounded, as a sweep and a saved model write it. No torch."""

import re
from dataclasses import dataclass
from typing import Literal

PLAIN = "none"
ALPHA = 0.5
"""Of smooth, unless it is given: half of the difficulty goes to the weights."""
NOTHING_TO_PREPARE = (
    "preparing changes what layers multiply their inputs with, and a table is looked up: choose layers that have "
    "inputs, or leave prepare out."
)
TWICE = "preparing it again would divide or rotate its inputs twice"
_WRITTEN = re.compile(r"(\w+)\s*(?:\(([^()]*)\))?")


@dataclass(frozen=True, slots=True)
class Preparing:
    """What is done to a layer before its numbers are rounded; `engine.compress.preparation` says how it computes then.

    - smooth (Xiao et al. 2022): input channel j is divided by max|x_j|^α / max|w_j|^(1−α).
    - awq (Lin et al. 2023): by mean|x_j|^k, k found for each input by the error of the layer's outputs.
    - hadamard: inputs are rotated by a Hadamard matrix with random signs, which `seed` draws.
    """

    kind: Literal["smooth", "awq", "hadamard"]
    alpha: float = ALPHA
    seed: int = 0

    def __str__(self) -> str:
        return self.kind if self.alpha == ALPHA else f"{self.kind}({self.alpha:g})"

    @property
    def rotates(self) -> bool:
        """Whether channels are mixed, not scaled: what that takes is no calibration, but channels in pairs."""
        return self.kind == "hadamard"


def parse_preparing(text: str, seed: int = 0) -> Preparing | None:
    """What `none`, `smooth`, `smooth(0.7)`, `awq` or `hadamard` means; None for `none`.

    Raises:
        ValueError: it is none of them, or its α does not lie between 0 and 1.
    """
    found = _WRITTEN.fullmatch(text.strip())
    kind, argument = found.groups() if found else (text, None)
    if kind not in (PLAIN, "smooth", "awq", "hadamard"):
        raise ValueError(f"no preparation is called {text!r}; write none, smooth, smooth(0.7), awq or hadamard")
    if argument is None:
        return None if kind == PLAIN else Preparing(kind, seed=seed)  # type: ignore[arg-type]
    if kind != "smooth":
        raise ValueError(f"{kind} takes nothing in brackets; only smooth does, as smooth(0.7)")
    try:
        alpha = float(argument)
    except ValueError:
        raise ValueError(f"the α of smooth is a number between 0 and 1, as smooth(0.7), not {argument!r}") from None
    if not 0 <= alpha <= 1:
        raise ValueError(f"the α of smooth lies between 0 and 1; {argument} does not")
    return Preparing("smooth", alpha, seed)


def block_of(channels: int) -> int:
    """The largest power of two that divides a number of channels: those of a block are rotated together.

    >>> block_of(768), block_of(7)
    (256, 1)
    """
    return channels & -channels


def unrotatable(channels: int, groups: int = 1, pruned: bool = False) -> str:
    """Why a layer with so many input channels is not rotated; empty where it is."""
    if pruned:
        return "a rotation would fill the zeros of a pruned layer"
    if groups > 1:
        return "a grouped convolution keeps the channels that a rotation would mix apart"
    if block_of(channels) == 1:
        return f"{channels:,} input channels, an odd number, have no block to rotate"
    return ""


def prepared_already(layer: str, how: str, reason: str) -> str:
    """What is said of a prepared model where that is in the way, for the `reason` that is given."""
    return f"{layer} is prepared by {how} at run time, and {reason}; take the model that this was made from."


def nothing_to_rotate(reason: str) -> str:
    """What is said where that holds for every layer."""
    return f"hadamard has nothing to rotate: {reason}; take smooth or awq, or other layers."
