"""Intervals for accuracies and for differences of accuracies measured on the same samples."""

from math import sqrt

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


def paired_difference(correct_a: Tensor, correct_b: Tensor) -> tuple[float, float, float]:
    """Accuracy of a minus accuracy of b on the same samples, with its 95 % interval: (difference, low, high).

    Both are bool [n] in the same order. Only samples on which the two disagree say anything; the interval is the Wald
    interval for matched proportions with half an observation added to each of the four cells (A. Agresti and Y. Min,
    2005), so that it has a width even where the two agree everywhere.

    Raises:
        ValueError: the two differ in length, or are empty.
    """
    n = correct_a.numel()
    if n == 0 or n != correct_b.numel():
        raise ValueError(f"paired samples wanted, got {n} and {correct_b.numel()}")
    a, b = correct_a.bool().cpu(), correct_b.bool().cpu()
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    more_a, more_b, total = only_a + 0.5, only_b + 0.5, n + 2.0
    centre = (more_a - more_b) / total
    half = Z95 * sqrt(more_a + more_b - (more_a - more_b) ** 2 / total) / total
    difference = (only_a - only_b) / n
    return difference, max(-1.0, min(difference, centre - half)), min(1.0, max(difference, centre + half))
