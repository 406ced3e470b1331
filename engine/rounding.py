"""How the weights of a layer are rounded, as an experiment writes it. No torch."""

from collections.abc import Iterable
from typing import Literal

Method = Literal["nearest", "gptq", "gptq_act_order"]
NEAREST: Method = "nearest"
NOTHING_TO_CHOOSE = "binary keeps signs alone, so there is nothing for gptq to round: take binary_scaled"


def leaves_nothing(specs: Iterable[str]) -> bool:
    """Whether one of the formats leaves a method but nearest nothing to choose."""
    return "binary" in specs
