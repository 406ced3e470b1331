"""What a trial must keep to: `bytes<=2MB, lost<=1`. Read as Optuna's constraints: at most zero where it is kept."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_TERM = re.compile(r"([a-z_]+)\s*(<=|>=)\s*([+-]?[\d.]+(?:e[+-]?\d+)?)\s*([a-z%µ]*)", re.IGNORECASE)
_UNITS: Mapping[str, Mapping[str, float]] = {
    "bytes": {"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2**10, "mib": 2**20, "gib": 2**30},
    "parameters": {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "b": 1e9},
    "operations": {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12},
    "latency": {"": 1, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6},
    "bits": {"": 1, "bit": 1, "bits": 1},
    "accuracy": {"": 1, "%": 0.01},
    "perplexity": {"": 1},
    "lost": {"": 0.01, "%": 0.01, "point": 0.01, "points": 0.01},
}
_LOST_NUMBER: Mapping[str, float] = {"": 1}
_KEYS = {"accuracy": "validation_accuracy", "perplexity": "validation_perplexity"}


@dataclass(frozen=True, slots=True)
class Constraint:
    """`sign`·(result[key] - bound) is at most zero where it is kept. `text` is how it was written."""

    key: str
    bound: float
    sign: int
    text: str

    def excess(self, result: Mapping[str, Any]) -> float:
        """How far a result is from keeping it; at most zero if it does."""
        return self.sign * (float(result[self.key]) - self.bound)


def parse_constraints(
    text: str, known: Sequence[str] = tuple(_UNITS), *, in_points: bool = True
) -> tuple[Constraint, ...]:
    """The constraints in a text, commas between them. Raises ValueError for what cannot be read or ever be kept.

    `lost` is what the validation score lost against the starting model: `in_points` of accuracy, or as the score is.
    """
    units = _UNITS if in_points else {**_UNITS, "lost": _LOST_NUMBER}
    found: list[Constraint] = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        match = _TERM.fullmatch(part)
        if not match or match[1].lower() not in known or match[4].lower() not in units[match[1].lower()]:
            raise ValueError(
                f"{part!r} is no constraint; write for example {known[0]}<=2 or lost<=1, of {', '.join(known)}"
            )
        quantity, bound = match[1].lower(), float(match[3]) * units[match[1].lower()][match[4].lower()]
        at_most = match[2] == "<="
        if not _can_be_kept(quantity, bound, at_most, in_points):
            raise ValueError(f"no trial can keep {part!r}; give a bound that can be reached")
        found.append(Constraint(_KEYS.get(quantity, quantity), bound, 1 if at_most else -1, part))
    _agree(found)
    return tuple(found)


def _can_be_kept(quantity: str, bound: float, at_most: bool, in_points: bool) -> bool:
    if quantity == "lost":  # an accuracy can gain a hundred points at most
        return not (at_most and in_points and bound < -1)
    if at_most:
        return bound > 0
    return quantity != "accuracy" or bound <= 1


def _agree(constraints: Sequence[Constraint]) -> None:
    for upper in (one for one in constraints if one.sign > 0):
        for lower in (one for one in constraints if one.sign < 0 and one.key == upper.key):
            if lower.bound > upper.bound:
                raise ValueError(f"no trial can keep both {upper.text!r} and {lower.text!r}")


def feasible(constraints: Sequence[Constraint], result: Mapping[str, Any]) -> bool:
    """Whether a result keeps them all."""
    return all(one.excess(result) <= 0 for one in constraints)
