"""What is drawn of a search, from its records alone."""

import math
from dataclasses import replace
from typing import Any

from engine.experiments.shared import trials_report as reading
from engine.runtime.records import PointRecord, RunRecord
from engine.tasks.metric import ACCURACY
from tests.tui.recorded import BASELINE, run_record

ACCURACIES = {0: (0.5, 0.5, 0.8, 0.7), 1: (0.6, 0.7, 0.7, 0.9)}
"""Of four trials with each seed."""
SOUGHT = reading.Sought((), ACCURACY)


def searched(baseline: dict[str, Any], seeds: tuple[int, ...] = (0, 1)) -> RunRecord:
    points = [
        PointRecord(
            i,
            {"sampler": "tpe", "mode": "plain", "seed": seed, "trial": trial},
            state="finished",
            result={
                "validation_accuracy": (score := ACCURACIES[seed][trial]),
                "validation_low": score - 0.05,
                "validation_high": score + 0.05,
                "validation_samples": 400,
                "bytes": 1000 + i,
            },
        )
        for i, (trial, seed) in enumerate((trial, seed) for trial in range(4) for seed in seeds)
    ]
    return replace(
        run_record("s-0001"), experiment="search", points=tuple(points), notes={"baseline": BASELINE | baseline}
    )


def test_trials_have_the_same_number_on_the_axis_as_in_the_table() -> None:
    run = searched({"validation_accuracy": 0.7, "validation_samples": 400})
    figure = reading.progress_figure(SOUGHT, run)
    (curves,) = (one for one in reading.listings(SOUGHT, run) if one.key == "curves")
    assert figure.x_label == "Trial"
    assert figure.series[0].x == (0.0, 1.0, 2.0, 3.0)
    assert figure.x_range == (0.0, 3.0)
    top = curves.rows[0]["at"]
    one_seed = reading.progress_figure(SOUGHT, searched({}, (1,))).series[0]
    assert one_seed.y[int(top)] == max(one_seed.y) > one_seed.y[int(top) - 1]


def test_best_so_far_is_steps_and_the_baseline_has_two_standard_errors() -> None:
    figure = reading.progress_figure(SOUGHT, searched({"validation_accuracy": 0.7, "validation_samples": 400}))
    curve, level = figure.series
    assert curve.kind == "steps"
    assert curve.y == (0.55, 0.6, 0.75, 0.8500000000000001)
    assert (curve.y_low, curve.y_high) == ((0.5, 0.5, 0.7, 0.8), (0.6, 0.7, 0.8, 0.9))
    error = 2 * math.sqrt(0.7 * 0.3 / 400)
    assert level.y_low is not None
    assert level.y_high is not None
    assert math.isclose(level.y_high[0] - 0.7, error)
    assert math.isclose(0.7 - level.y_low[0], error)
    assert level.name == "baseline, n = 400"
    assert "two standard errors of the baseline, n = 400" in figure.caption


def test_a_baseline_recorded_without_its_samples_is_a_line() -> None:
    level = reading.progress_figure(SOUGHT, searched({"validation_accuracy": 0.7})).series[-1]
    assert (level.name, level.y_low) == ("baseline", None)
