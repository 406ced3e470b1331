"""Intervals for accuracies, for means, and for differences measured on the same samples. No torch at import."""

from math import inf, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Z95 = 1.959963984540054  # the normal distribution's 97.5 % quantile


def wilson(correct: int, total: int) -> tuple[float, float]:
    """Wilson's 95 % score interval for a proportion (E. B. Wilson, 1927); (0, 1) for no samples."""
    if total == 0:
        return 0.0, 1.0
    share, z2 = correct / total, Z95 * Z95
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = Z95 / (1 + z2 / total) * sqrt(share * (1 - share) / total + z2 / (4 * total * total))
    return max(0.0, centre - half), min(1.0, centre + half)


def share_error(share: float, total: int) -> float:
    """One standard error of a proportion: sqrt(p(1-p)/n), of none or all of n Wilson's, 1/(n+1), in place of 0."""
    return max(sqrt(share * (1 - share) / total), 1 / (total + 1))


def paired_difference(correct_a: "Tensor", correct_b: "Tensor", widened: float = 1.0) -> tuple[float, float, float]:
    """Accuracy of a minus accuracy of b on the same samples, bool [n] in the same order: see `matched_difference`.

    Raises:
        ValueError: the two differ in length, or are empty.
    """
    n = correct_a.numel()
    if n == 0 or n != correct_b.numel():
        raise ValueError(f"paired samples wanted, got {n} and {correct_b.numel()}")
    a, b = correct_a.bool().cpu(), correct_b.bool().cpu()
    return matched_difference(int((a & ~b).sum()), int((b & ~a).sum()), n, widened)


def matched_difference(only_a: int, only_b: int, n: int, widened: float = 1.0) -> tuple[float, float, float]:
    """Accuracy of a minus accuracy of b on the same n samples, with its 95 % interval: (difference, low, high).

    Only samples on which the two disagree say anything: `only_a` that a alone told right, and `only_b`. The interval is
    the Wald interval for matched proportions with half an observation added to each of the four cells (A. Agresti and
    Y. Min, 2005), so that it has a width even where the two agree everywhere; it is made `widened` times
    as wide.
    """
    more_a, more_b, total = only_a + 0.5, only_b + 0.5, n + 2.0
    centre = (more_a - more_b) / total
    half = widened * Z95 * sqrt(more_a + more_b - (more_a - more_b) ** 2 / total) / total
    difference = (only_a - only_b) / n
    return difference, max(-1.0, min(difference, centre - half)), min(1.0, max(difference, centre + half))


def mean_interval(values: "Tensor", widened: float = 1.0) -> tuple[float, float, float, float]:
    """(mean, low, high, standard error) of values [n]: Student's 95 % interval; infinite bounds for one value.

    The interval is made `widened` times as wide.

    Raises:
        ValueError: there are none.
    """
    n = values.numel()
    if n == 0:
        raise ValueError("values wanted, got none")
    values = values.double().cpu()
    mean = float(values.mean())
    if n == 1:
        return mean, -inf, inf, inf
    error = float(values.std()) / sqrt(n)
    half = widened * _student(n - 1) * error
    return mean, mean - half, mean + half, error


def mean_difference(a: "Tensor", b: "Tensor", widened: float = 1.0) -> tuple[float, float, float]:
    """The mean of a minus that of b, values [n] of the same samples, with its 95 % interval: (difference, low, high).

    The interval is made `widened` times as wide.

    Raises:
        ValueError: the two differ in length, or are empty.
    """
    if a.numel() != b.numel():
        raise ValueError(f"paired samples wanted, got {a.numel()} and {b.numel()}")
    mean, low, high, _ = mean_interval(a.double().cpu() - b.double().cpu(), widened)
    return mean, low, high


def _student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t distribution."""
    from scipy.stats import t

    return float(t.ppf(0.975, freedom))
