"""How the weights of a layer are rounded, and pruned as they are rounded, as an experiment writes it. No torch."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Method = Literal["nearest", "gptq", "gptq_act_order"]
NEAREST: Method = "nearest"
GPTQ: Method = "gptq"
NOTHING_TO_CHOOSE = "binary keeps signs alone, so there is nothing for gptq to round: take binary_scaled"


ZEROLESS = ("binary", "binary_scaled", "binary_residual")
"""Families without a zero: weights in them cannot be pruned."""
DENSE = "0"


@dataclass(frozen=True, slots=True)
class Sparsity:
    """Which weights go while a layer is rounded: a `share` of all, or all but N of each M neighbours by `pattern`.

    `seed` breaks ties.
    """

    share: float
    pattern: tuple[int, int] | None = None
    seed: int = 0

    def __str__(self) -> str:
        return f"{self.share:g}" if self.pattern is None else f"{self.pattern[0]}:{self.pattern[1]}"


def parse_sparsity(text: str, seed: int = 0) -> Sparsity | None:
    """What `0`, `0.5` or `2:4` means; None for `0`.

    Raises:
        ValueError: it is no share from 0 to below 1, and no N:M with N from 1 to M − 1.
    """
    if found := re.fullmatch(r"\s*(\d+)\s*:\s*(\d+)\s*", text):
        n, m = int(found[1]), int(found[2])
        if not 1 <= n < m:
            raise ValueError(f"N:M keeps N of each M, so N lies between 1 and M − 1; {n}:{m} does not say that")
        return Sparsity(1 - n / m, (n, m), seed)
    try:
        share = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no sparsity; write a share or N:M, for example 0.5 or 2:4") from None
    if not 0 <= share < 1:
        raise ValueError(f"a sparsity is a share from 0 to below 1; {text} is not")
    return Sparsity(share, seed=seed) if share else None


def without_zero(spec: str) -> str:
    """What is said of a format in which nothing can be pruned."""
    return f"{spec} has no zero, so weights in it cannot be pruned; take another format."


def undivided(layer: str, columns: int, m: int) -> str:
    """What is said of a layer that N:M cannot prune."""
    return f"{layer} has {columns} inputs, which {m} does not divide; leave it out with skip."


def leaves_nothing(specs: Iterable[str]) -> bool:
    """Whether one of the formats leaves a method but nearest nothing to choose."""
    return "binary" in specs
