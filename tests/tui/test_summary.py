"""A run in one line."""

import math
from dataclasses import replace

from textual.content import Content

from engine.runtime.records import Progress
from tests.tui.recorded import NOW, accuracy_of, run_record
from tui_app.filtering import Language
from tui_app.runs.filter import parse_filter
from tui_app.runs.summary import Metric, summarize
from tui_app.screens.home.facts import jobs
from tui_app.screens.home.rows import own_delta_text


def test_the_metric_is_the_best_points_not_the_last_ones() -> None:
    run = summarize(run_record("q-0001", widths=(8, 2)))
    assert run.metric is not None
    assert run.metric.value == accuracy_of(8, "ptq")
    assert run.metric.unit == "percent"
    assert run.bytes == 15_800_000 + 54_000 * 8
    assert "fixed(8) PTQ" in run.reason


def test_a_run_without_results_has_no_metric() -> None:
    run = summarize(run_record("q-0001", state="queued", done=0))
    assert (run.metric, run.bytes, run.fraction, run.ends) == (None, None, 0.0, None)


def test_an_experiment_that_is_gone_costs_the_metric_alone() -> None:
    run = summarize(replace(run_record("q-0001"), experiment="no.such.module"))
    assert run.metric is None
    assert (run.done, run.total) == (8, 8)


def test_a_run_counts_what_the_running_point_has_trained_and_not_its_other_phases() -> None:
    run = run_record("q-0001", state="running", widths=(2, 3, 4, 5), done=1, fraction=0.5)
    assert summarize(run).fraction == (1 + 0.5) / 4
    phases = [Progress(0, 0).followed(0.9, 1.0, text, NOW) for text in ("evaluating", "tokenising")]
    for phase in phases:
        points = [replace(point, progress=phase if point.progress else None) for point in run.points]
        assert summarize(replace(run, points=tuple(points))).fraction == 1 / 4


def test_what_a_run_is_at_is_told_until_its_end_is() -> None:
    run = run_record("q-0001", state="running", widths=(2, 3), done=0)
    making = Progress(0, 0).followed(3, 10, "training the built-in model, loss 0.412", NOW)
    points = [replace(point, progress=making if point.progress else None) for point in run.points]
    summary = summarize(replace(run, points=tuple(points)))
    assert (summary.doing, summary.ends, summary.percent) == ("training the built-in model 30%", None, 0)
    assert str(jobs([summary], None, NOW, 80)).endswith("0%  training the built-in model 30%")


def test_a_cancelled_point_is_not_done() -> None:
    record = run_record("q-0001", state="cancelled", widths=(2, 3, 4, 5), done=1)
    points = [replace(point, state="cancelled" if point.index else "finished") for point in record.points]
    assert summarize(replace(record, points=tuple(points))).done == 1


def test_a_run_has_an_end_as_soon_as_its_points_tell() -> None:
    early = run_record("q-0001", state="running", widths=(2, 3, 4), done=1, age=25)
    assert summarize(early).ends is None  # the first point made the model and the tokens too
    later = run_record("q-0001", state="running", widths=(2, 3, 4), done=2, age=45)
    assert summarize(later).ends == NOW + 15
    assert summarize(replace(later, experiment="no.such.module")).ends is None


def test_a_failed_run_says_what_failed() -> None:
    error = {"type": "ValueError", "message": "bad\x1b[31m [b]layer[/b]\nsecond line"}
    run = summarize(run_record("q-0001", state="failed", done=1, error=error))
    assert run.problem == "ValueError: bad [b]layer[/b] second line"


def test_differences_inside_the_noise() -> None:
    base = Metric("Accuracy", 0.86, "percent", 0.855, 0.865)
    assert not Metric("Accuracy", 0.858, "percent", 0.853, 0.863).differs(base)
    assert Metric("Accuracy", 0.80, "percent", 0.795, 0.805).differs(base)
    assert Metric("Accuracy", 0.0, "percent", 0.0, 0.0).differs(base)
    assert Metric("Loss", 0.5).differs(Metric("Loss", 0.4))


def test_an_interval_may_begin_at_zero() -> None:
    assert Metric("Accuracy", 0.8, "percent", 0.0, 0.9).bounds == (0.0, 0.9)


def test_a_difference_is_coloured_by_the_metrics_direction() -> None:
    """A perplexity that rose was green."""

    def style(difference: Metric) -> str:
        text = own_delta_text(difference)
        assert isinstance(text, Content)
        return " ".join(str(span.style) for span in text.spans)

    rise = [Metric("Δ base", 3.25, "number", 2.0, 4.5, better) for better in ("higher", "lower", None)]
    assert [style(one) for one in rise] == ["$success", "$error", ""]
    texts = [str(own_delta_text(Metric("Δ base", value, "number"))) for value in (0.0123456, -123456.0)]
    assert texts == ["+0.012", "-1e+05"]


def test_a_run_of_a_language_model_has_a_metric_that_is_better_when_lower() -> None:
    record = run_record("q-0001", widths=(4,))
    result = {"perplexity": 25.0, "perplexity_low": 24.0, "perplexity_high": 26.0, "delta": 3.0, "bytes": 10}
    result |= {"validation_perplexity": 25.0, "validation_samples": 9, "validation_error": 0.1, "loss": 3.2}
    record = replace(record, config={**record.config, "task": "causal-lm"})
    summary = summarize(replace(record, points=(replace(record.points[0], result=result),)))
    assert summary.delta is not None
    assert summary.delta.better == "lower"


def test_a_result_that_is_not_finite_is_no_value() -> None:
    record = run_record("q-0001", widths=(4,))
    point = record.points[0]
    assert point.result is not None
    record = replace(record, points=(replace(point, result={**point.result, "loss": math.nan}),))
    assert "loss" not in summarize(record).values


def test_a_nan_in_an_old_record_is_missing() -> None:
    """The filter let it pass `delta!=0`, and the difference was drawn as NaN."""
    record = run_record("q-0001", widths=(4,))
    point = record.points[0]
    result = {**(point.result or {}), **dict.fromkeys(("delta", "delta_low", "delta_high", "zeros"), math.nan)}
    summary = summarize(replace(record, points=(replace(point, result=result),)))
    assert summary.delta is None
    assert summary.metric is not None
    assert not {"delta", "zeros"} & set(summary.values)
    assert not parse_filter("delta!=0")(summary)


def test_a_table_asks_nothing_of_a_nan() -> None:
    language = Language[float]((), lambda _: "", lambda *_: "", lambda value: {"zeros": value, "zeros_low": 0.5})
    assert [language.parse(text)(math.nan) for text in ("zeros!=1", "-zeros<1", "zeros_low<1")] == [False, True, True]
