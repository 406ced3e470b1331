"""A run in one line."""

import math

from tests.tui.recorded import NOW, accuracy_of, run_record
from tui_app.runs.summary import Metric, summarize


def test_the_metric_is_the_best_points_not_the_last_ones() -> None:
    run = summarize(run_record("q-0001", widths=(8, 2)), NOW)
    assert run.metric is not None
    assert run.metric.value == accuracy_of(8, "ptq")
    assert run.metric.unit == "percent"
    assert run.bytes == 15_800_000 + 54_000 * 8
    assert "fixed(8) PTQ" in run.reason


def test_a_run_without_results_has_no_metric() -> None:
    run = summarize(run_record("q-0001", state="queued", done=0), NOW)
    assert (run.metric, run.bytes, run.fraction, run.ends) == (None, None, 0.0, None)


def test_an_experiment_that_is_gone_costs_the_metric_alone() -> None:
    from dataclasses import replace

    run = summarize(replace(run_record("q-0001"), experiment="no.such.module"), NOW)
    assert run.metric is None
    assert (run.done, run.total) == (8, 8)


def test_progress_counts_the_part_of_the_running_point() -> None:
    run = summarize(run_record("q-0001", state="running", widths=(2, 3, 4, 5), done=1, fraction=0.5), NOW)
    assert run.fraction == (1 + 0.5) / 4


def test_the_end_is_estimated_from_the_points_that_finished() -> None:
    record = run_record("q-0001", state="running", widths=(2, 3, 4, 5), done=2, fraction=0.5)
    since = record.points[2].started
    assert since is not None
    assert summarize(record, NOW).ends == since + 2 * 20  # two points to go, 20 s each


def test_the_end_is_estimated_from_the_first_points_progress() -> None:
    record = run_record("q-0001", state="running", widths=(2, 3), done=0, fraction=0.25, age=50)
    assert summarize(record, NOW).ends == (NOW - 50) + 2 * 50 / 0.25


def test_a_failed_run_says_what_failed() -> None:
    error = {"type": "ValueError", "message": "bad\x1b[31m [b]layer[/b]\nsecond line"}
    run = summarize(run_record("q-0001", state="failed", done=1, error=error), NOW)
    assert run.problem == "ValueError: bad [b]layer[/b] second line"


def test_differences_inside_the_noise() -> None:
    base = Metric("Accuracy", 0.86, "percent", 0.855, 0.865)
    assert not Metric("Accuracy", 0.858, "percent", 0.853, 0.863).differs(base)
    assert Metric("Accuracy", 0.80, "percent", 0.795, 0.805).differs(base)
    assert Metric("Accuracy", 0.0, "percent", 0.0, 0.0).differs(base)
    assert Metric("Loss", 0.5).differs(Metric("Loss", 0.4))


def test_nan_results_are_taken_as_they_are() -> None:
    from dataclasses import replace

    record = run_record("q-0001", widths=(4,))
    point = record.points[0]
    assert point.result is not None
    record = replace(record, points=(replace(point, result={**point.result, "loss": math.nan}),))
    assert math.isnan(summarize(record, NOW).values["loss"])
