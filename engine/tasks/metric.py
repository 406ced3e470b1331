"""The number that a task is scored by: its name, its unit, and which way is better. No torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from engine.figures.units import in_percent
from engine.training.statistics import share_error


class Bounded(NamedTuple):
    """A value with its 95 % interval; of a time the median with its quartiles."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Metric:
    """`name` is the key of results, `short` what a filter may call it; `samples` are what it is measured on.

    `better` says which way is better. A difference of percentages is said in points.
    """

    name: str
    short: str
    unit: Literal["percent", "number"]
    better: Literal["higher", "lower"]
    samples: str

    @property
    def title(self) -> str:
        """At the head of a column or a sentence."""
        return self.name.capitalize()

    @property
    def best(self) -> str:
        """What the best of several values is."""
        return "highest" if self.better == "higher" else "lowest"

    @property
    def validation(self) -> str:
        """The key of what a point is chosen by."""
        return f"validation_{self.name}"

    def bounded(self) -> tuple[str, str, str]:
        """The keys of the value and its interval."""
        return (self.name, f"{self.name}_low", f"{self.name}_high")

    def goodness(self, value: float) -> float:
        """The value turned so that more is better."""
        return value if self.better == "higher" else -value

    def scale(self, value: float) -> float:
        """The value on the scale that its standard error is given on, more being better: a perplexity's logarithm."""
        return value if self.better == "higher" else -math.log(value)

    def error(self, value: float, samples: int, noted: float | None) -> float:
        """One standard error of a validation score on that scale: as `noted`. Runs without a note are of accuracies."""
        return share_error(value, samples) if noted is None else noted

    def around(self, value: float, error: float) -> tuple[float, float]:
        """The value less and plus an error that is given on its scale."""
        if self.better == "higher":
            return max(0.0, value - error), min(1.0, value + error)
        return value * math.exp(-error), value * math.exp(error)

    def spread(self, error: float) -> str:
        """A standard error in words."""
        return f"{100 * error:.2f} points" if self.better == "higher" else f"{100 * math.expm1(error):.2f} %"

    def lost(self, delta: Bounded) -> Bounded:
        """A difference from the baseline as what was lost: above 0 is worse."""
        return delta if self.better == "lower" else Bounded(-delta.value, -delta.high, -delta.low)

    def change(self, delta: Bounded, samples: int) -> str:
        """The difference from the baseline in words: `-2.20 points, 95 % -5.10 to +0.70, n = 500`."""
        middle, low, high = (self.said(one, signed=True) for one in delta)
        unit = "points" if self.unit == "percent" else f"of {self.name}"
        return f"{middle} {unit}, 95 % {low} to {high}, n = {samples:,}"

    def said(self, value: float, signed: bool = False) -> str:
        """A value in words, without its unit's name."""
        if self.unit == "percent":
            return in_percent(value, signed=signed)
        return f"{value:+,.3f}" if signed else f"{value:,.3f}"

    def written(self, value: float) -> str:
        """A value with its unit."""
        return f"{self.said(value)} %" if self.unit == "percent" else self.said(value)

    def difference(self, value: float) -> str:
        """A difference in words: `1.25 points`, or `0.312` of perplexity."""
        return f"{100 * value:.2f} points" if self.unit == "percent" else f"{value:,.3f} of {self.name}"


ACCURACY = Metric("accuracy", "acc", "percent", "higher", "texts")
IMAGES = replace(ACCURACY, samples="images")
"""The accuracy of an image classifier."""
PERPLEXITY = Metric("perplexity", "ppl", "number", "lower", "windows")
SHORT: Mapping[str, str] = {one.short: one.name for one in (ACCURACY, PERPLEXITY)}
"""What a filter may call a metric."""
