"""Points compared on the same samples, from what their results keep."""

import pytest
import torch

from engine.experiments.shared.pairing import apart, gain, kept
from engine.tasks.metric import ACCURACY, PERPLEXITY, Bounded
from engine.training.statistics import paired_difference


@pytest.mark.parametrize("seed", range(4))
def test_the_gain_is_that_of_the_outcomes_themselves(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    a, b = (torch.rand(203, generator=generator) < share for share in (0.8, 0.7))
    if seed == 3:
        a[:90] = False  # leading zeros of the number that is kept
    found = gain(kept(a), kept(b))
    assert found is not None
    assert found == pytest.approx(paired_difference(a, b))


def test_what_cannot_be_paired_is_not() -> None:
    right = kept(torch.tensor([True, False]))
    assert gain(right, None) is None
    assert gain(right, kept(torch.tensor([True]))) is None
    assert kept(torch.tensor([0.5, 0.25])) is None


def test_two_results_are_apart_beyond_both_intervals() -> None:
    def score(value: float, half: float) -> Bounded:
        return Bounded(value, value - half, value + half)

    assert apart(score(0.8, 0.01), score(0.7, 0.01), ACCURACY) == pytest.approx(0.1)
    assert apart(score(0.7, 0.01), score(0.8, 0.01), ACCURACY) == pytest.approx(-0.1)
    assert apart(score(0.8, 0.06), score(0.7, 0.05), ACCURACY) == 0
    assert apart(score(20, 1), score(30, 1), PERPLEXITY) == 10
