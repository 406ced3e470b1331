import math

import pytest

from engine.tasks.metric import ACCURACY, PERPLEXITY, SHORT, Bounded

LOWER = Bounded(-0.02, -0.03, -0.01)
HIGHER = Bounded(2.0, 1.0, 3.0)


def test_what_is_lost_is_above_zero_whichever_way_is_better() -> None:
    assert ACCURACY.lost(LOWER) == Bounded(0.02, low=0.01, high=0.03)
    assert PERPLEXITY.lost(HIGHER) == HIGHER


def test_more_is_better_on_the_scale_of_the_standard_error() -> None:
    assert ACCURACY.goodness(0.9) > ACCURACY.goodness(0.8)
    assert PERPLEXITY.goodness(10.0) > PERPLEXITY.goodness(11.0)
    assert PERPLEXITY.scale(10.0) == -math.log(10.0)
    low, high = PERPLEXITY.around(10.0, math.log(1.1))
    assert (low, high) == pytest.approx((10 / 1.1, 11.0))
    assert ACCURACY.around(0.99, 0.02) == (0.97, 1.0)


def test_records_from_before_errors_were_noted_have_the_binomial_one() -> None:
    assert ACCURACY.error(0.9, 900, noted=None) == pytest.approx(0.01)
    assert PERPLEXITY.error(12.5, 900, noted=0.03) == 0.03


def test_values_are_said_in_their_unit() -> None:
    assert ACCURACY.written(0.8567) == "85.67 %"
    assert PERPLEXITY.written(1234.5) == "1,234.500"
    assert ACCURACY.difference(0.0125) == "1.25 points"
    assert PERPLEXITY.difference(0.3125) == "0.312 of perplexity"
    assert SHORT == {"acc": "accuracy", "ppl": "perplexity"}
