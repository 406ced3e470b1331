"""Scores that lie orders of magnitude apart can be told from one another in a figure."""

import pytest

from engine.experiments.shared.charts import score_scale
from engine.figures.figure import Figure, Series
from engine.figures.lanes import lanes
from engine.tasks.metric import ACCURACY, PERPLEXITY


@pytest.mark.parametrize(
    ("y", "metric", "scale"),
    [
        ((36.0, 11_145.0), PERPLEXITY, "log"),
        ((36.0, 300.0), PERPLEXITY, "linear"),
        ((0.01, 0.9), ACCURACY, "linear"),
        ((), PERPLEXITY, "linear"),
    ],
)
def test_only_perplexities_far_apart_take_a_logarithmic_axis(y: tuple[float, ...], metric: object, scale: str) -> None:
    assert score_scale([Series("one", tuple(map(float, range(len(y)))), y)], metric) == scale  # type: ignore[arg-type]


def test_curves_that_a_logarithmic_axis_tells_apart_are_not_set_side_by_side() -> None:
    x = (0.1, 0.2, 0.3)
    two = (Series("l1", x, (35.0, 39.0, 11_000.0)), Series("wanda", x, (70.0, 60.0, 2_000.0)))
    assert lanes(Figure("key", "title", "x", "y", two)) == [0, 1]
    assert lanes(Figure("key", "title", "x", "y", two, y_scale="log")) == [0, 0]
