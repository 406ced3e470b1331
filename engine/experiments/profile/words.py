"""Words that the studies of `profile` share."""

from engine.experiments.shared.finding import Finding
from engine.tasks.metric import Bounded


def times(ratio: float) -> str:
    """How many times faster or slower: `2.4 times as fast`; `0.5` is `2.0 times as slow`, and 1.04 `as fast`."""
    if f"{max(ratio, 1 / ratio):.1f}" == "1.0":
        return "as fast"
    return f"{ratio:.1f} times as fast" if ratio > 1 else f"{1 / ratio:.1f} times as slow"


def share(value: float) -> str:
    """A share in percent with one decimal: `74.2 %`."""
    return f"{100 * value:.1f} %"


def apart(one: Bounded, other: Bounded) -> bool:
    """Whether the quartiles of two times do not overlap, so that one is surely the shorter."""
    return one.high < other.low or other.high < one.low


def two_times(one: Finding) -> tuple[Bounded, Bounded]:
    """The time that a finding states, and the one that it is compared with."""
    assert isinstance(one.value, Bounded)
    assert isinstance(one.beside, Bounded)
    return one.value, one.beside


def number(one: Finding) -> float:
    """The number that a finding states."""
    assert isinstance(one.value, float)
    return one.value
