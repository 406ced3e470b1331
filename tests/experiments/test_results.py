"""What is read out of recorded runs: figures, tables, estimates, reports."""

import math
from dataclasses import replace
from typing import Any

import pytest

from engine.experiments import results
from engine.experiments.api import Column
from engine.experiments.cells import insignificant, layer_labels, values_of, written
from engine.experiments.report import command_line
from engine.figures.figure import Figure, Series
from engine.runtime.records import PointRecord, RunRecord
from tests.tui.recorded import BASELINE, WIDTHS, run_record
from tests.tui.trained import tuned


def by_key(run: RunRecord) -> dict[str, Figure]:
    return {figure.key: figure for figure in results.figures(run)}


def with_points(run: RunRecord, points: list[dict[str, Any]]) -> RunRecord:
    template = run.points[0]
    return replace(run, points=tuple(replace(template, index=i, params=params) for i, params in enumerate(points)))


def test_accuracy_is_drawn_by_mode_with_intervals_and_the_baseline_across() -> None:
    figure = by_key(run_record("q-0001", modes=("ptq", "qat")))["accuracy"]
    ptq, qat, baseline = figure.series
    assert (ptq.name, qat.name, baseline.name) == ("PTQ", "QAT", "baseline")
    assert ptq.x == tuple(map(float, WIDTHS))
    assert ptq.y_low is not None
    assert all(low < y for low, y in zip(ptq.y_low, ptq.y, strict=True))
    assert set(baseline.y) == {BASELINE["accuracy"]}
    assert figure.x_range == (min(WIDTHS), max(WIDTHS))
    assert len(figure.marks) == 1


def test_axis_follows_the_plan_while_points_are_missing() -> None:
    figure = by_key(run_record("q-0001", state="running", done=2))["accuracy"]
    assert figure.series[0].x == (2.0, 3.0)
    assert figure.x_range == (min(WIDTHS), max(WIDTHS))


def test_a_grid_has_a_curve_for_each_number_of_integer_bits() -> None:
    grid = [
        {"mode": "ptq", "format": f"fixed({1 + i + f},{f})", "width": 1 + i + f, "integer_bits": i, "fraction_bits": f}
        for i in (1, 2)
        for f in (3, 5)
    ]
    figure = by_key(with_points(run_record("q-0001"), grid))["accuracy"]
    assert [series.name for series in figure.series] == ["PTQ, 1 integer bits", "PTQ, 2 integer bits", "baseline"]
    assert figure.series[0].x == (3.0, 5.0)
    assert figure.x_label == "Fraction bits"


def test_formats_are_drawn_against_their_bits() -> None:
    run = with_points(run_record("q-0001"), [{"mode": "ptq", "format": "fp32"}, {"mode": "ptq", "format": "fixed(8)"}])
    points = [
        replace(p, result=dict(p.result or {}) | {"bits": b}) for p, b in zip(run.points, (32.0, 8.0), strict=True)
    ]
    assert by_key(replace(run, points=tuple(points)))["accuracy"].series[0].x == (8.0, 32.0)


def test_pareto_front_in_the_figure_is_beaten_by_no_point() -> None:
    figure = by_key(run_record("q-0001", modes=("ptq", "qat")))["size"]
    front = next(series for series in figure.series if series.kind == "steps")
    points = [
        pair for series in figure.series if series.kind == "scatter" for pair in zip(series.x, series.y, strict=True)
    ]
    for x, y in zip(front.x, front.y, strict=True):
        assert not any(a <= x and b > y for a, b in points)
    assert sorted(front.y) == list(front.y)


def test_loss_is_drawn_only_where_something_was_trained() -> None:
    assert "loss" not in by_key(run_record("q-0001"))
    figure = by_key(run_record("q-0001", losses=(0.9, 0.5, math.nan)))["loss"]
    assert figure.series[0].y[:2] == (0.9, 0.5)


def test_runs_laid_over_each_other_keep_their_curves_apart() -> None:
    first, second = run_record("q-0001", name="one"), run_record("q-0002", name="two", modes=("qat",))
    figure = results.compared([first, second])[0]
    assert [series.name for series in figure.series] == ["one: PTQ", "two: QAT", "one: baseline"]
    assert [series.slot for series in figure.series] == [0, 1, -1]


def test_only_figures_on_the_same_axes_are_laid_over_each_other() -> None:
    swept, trained = run_record("q-0001", losses=(0.9, 0.5)), tuned()
    keys = {figure.key: figure for figure in results.figures(swept)}
    mine = {figure.key: figure for figure in results.figures(trained)}
    assert keys["accuracy"].x_label != mine["accuracy"].x_label
    assert "accuracy" not in {figure.key for figure in results.compared([swept, trained])}


def test_bars_of_one_category_stand_together_whatever_their_order() -> None:
    one = Figure("bars", "T", "x", "y", (Series("time", (0, 1), (1, 2), kind="bar"),), categories=("a", "b"))
    other = replace(one, series=(Series("time", (0, 1), (3, 4), kind="bar"),), categories=("c", "a"))
    figure = results.overlaid("bars", [("one", one), ("other", other)])
    assert figure.categories == ("a", "b", "c")
    assert [series.x for series in figure.series] == [(0, 1), (2, 0)]


@pytest.mark.parametrize("done", [0, 1])
def test_a_young_run_has_figures_and_a_document(done: int) -> None:
    run = run_record("q-0001", state="running", done=done)
    document = results.document(run)
    assert len(document["points"]) == len(WIDTHS)
    assert (document["best"] is None) == (done == 0)
    assert all(not math.isnan(x) for figure in results.figures(run) for series in figure.series for x in series.x)


def test_differences_inside_their_noise_are_told() -> None:
    delta = next(column for column in results.opened(run_record("q-0001"))[0].columns_of({}) if column.key == "delta")
    point = PointRecord(0, {}, result={"delta": -0.01, "delta_low": -0.02, "delta_high": 0.001})
    assert insignificant(values_of(point), delta)
    assert written(values_of(point), delta) == "-1.00 ±1.05"
    assert not insignificant({**values_of(point), "delta_high": -0.001}, delta)


def test_a_perplexity_is_written_with_its_interval_and_a_difference_with_its_sign() -> None:
    """Only percentages had either."""
    perplexity = Column("perplexity", "Perplexity", "number", "perplexity_low", "perplexity_high")
    values = {"perplexity": 25.314, "perplexity_low": 24.5, "perplexity_high": 26.1, "delta": 2.5}
    assert written(values, perplexity) == "25.31 ±0.8"
    assert written(values, Column("delta", "Δ base", "number", signed=True)) == "+2.5"
    assert written({"delta": -2.5}, Column("delta", "Δ base", "number", signed=True)) == "-2.5"


def test_command_line_repeats_the_run_and_no_more() -> None:
    run = run_record("q-0001", config={"model": "a model's", "widths": [4, 8]})
    assert command_line(run) == "labtui run quantize --set 'model=a model'\"'\"'s' --set widths=4,8"


def test_layers_names_are_short_and_never_alike() -> None:
    names = [f"bert.encoder.layer.{i}.{part}" for i in (0, 1) for part in ("attention.self.query", "output.dense")]
    assert layer_labels([*names, "classifier"]) == ["L0.attn.query", "L0.out", "L1.attn.query", "L1.out", "classifier"]
    twins = [f"{side}.block.0.layer.{i}.SelfAttention.q" for side in ("encoder", "decoder") for i in (0, 1)]
    assert len(set(layer_labels(twins))) == 4
    assert layer_labels(["addmm", "addmm", "native_layer_norm"]) == ["addmm", "addmm", "native_layer_norm"]
