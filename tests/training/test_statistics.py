import math

import pytest
import torch

from engine.training.statistics import matched_difference, mean_difference, paired_difference, share_error, wilson


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1, 1, 0.2065, 1.0)],  # published tables
)
def test_wilson(correct: int, total: int, low: float, high: float) -> None:
    assert wilson(correct, total) == pytest.approx((low, high), abs=1e-4)


def test_wilson_of_nothing_knows_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_paired_difference_is_narrower_than_two_intervals() -> None:
    a = torch.tensor([True] * 900 + [False] * 100)
    b = a.clone()
    b[:20] = False
    difference, low, high = paired_difference(a, b)
    assert difference == pytest.approx(0.02)
    # By hand: cells 20.5 and 0.5 of 1002; centre 20 / 1002, half = 1.96 * sqrt(21 - 400 / 1002) / 1002.
    assert (low, high) == pytest.approx((0.011082, 0.028839), abs=1e-5)
    assert paired_difference(b, a) == pytest.approx((-difference, -high, -low))


def test_two_that_agree_everywhere_still_have_a_width() -> None:
    same = torch.ones(50, dtype=torch.bool)
    difference, low, high = paired_difference(same, same)
    assert difference == 0.0
    assert low < 0.0 < high


@pytest.mark.parametrize(("a", "b"), [(0, 0), (3, 4)])
def test_unpaired_samples_are_refused(a: int, b: int) -> None:
    with pytest.raises(ValueError, match="paired samples"):
        paired_difference(torch.ones(a, dtype=torch.bool), torch.ones(b, dtype=torch.bool))


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    generator = torch.Generator().manual_seed(0)
    held = 0
    for _ in range(1000):
        shared = torch.rand(300, generator=generator)
        a, b = shared < 0.85, (shared < 0.80) ^ (torch.rand(300, generator=generator) < 0.05)
        truth = 0.85 - (0.80 * 0.95 + 0.20 * 0.05)
        _, low, high = paired_difference(a, b)
        held += low <= truth <= high
    assert 930 <= held <= 980


def test_a_widened_interval_is_so_many_times_as_wide_about_the_same_middle() -> None:
    a = torch.tensor([1.0, 2.0, 4.0, 8.0])
    for narrow, wide in (
        (matched_difference(40, 60, 400), matched_difference(40, 60, 400, 3.0)),
        (mean_difference(a, a.flip(0) / 3), mean_difference(a, a.flip(0) / 3, 3.0)),
    ):
        assert wide[0] == narrow[0]
        assert wide[2] - wide[1] == pytest.approx(3 * (narrow[2] - narrow[1]))
        assert wide[1] + wide[2] == pytest.approx(narrow[1] + narrow[2])


def test_a_share_is_never_known_for_certain() -> None:
    """Only of none and of all of the samples does the usual formula, which gives 0 there, not hold."""
    for total in (1, 2, 3, 24, 500):
        assert share_error(0.0, total) == share_error(1.0, total) == 1 / (total + 1)
        for right in range(1, total):
            share = right / total
            assert share_error(share, total) == math.sqrt(share * (1 - share) / total)
