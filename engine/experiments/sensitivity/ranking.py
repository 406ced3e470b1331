"""How far two orders agree."""

from collections.abc import Sequence
from statistics import StatisticsError, correlation, mean


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's ρ, from -1 to 1; equal values share the mean of their ranks. None where one side is constant."""
    try:
        return correlation(_ranks(first), _ranks(second))
    except StatisticsError:
        return None


def _ranks(values: Sequence[float]) -> list[float]:
    places: dict[float, list[int]] = {}
    for rank, value in enumerate(sorted(values)):
        places.setdefault(value, []).append(rank)
    return [mean(places[value]) for value in values]
