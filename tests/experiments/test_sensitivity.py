"""`sensitivity`: its points, what it reads out of a record, and the real thing on the built-in pair."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from engine.errors import InputError
from engine.experiments import results
from engine.experiments.launch import configure
from engine.experiments.results import document
from engine.experiments.sensitivity.findings import findings
from engine.experiments.sensitivity.ranking import rank_correlation
from engine.experiments.sensitivity.table import NOISE, NOTE, Row, rows
from engine.experiments.shared.finding import Finding
from engine.models.builtin import LAYERS
from engine.runtime.context import Point, RecordingContext
from engine.runtime.records import PointRecord, RunRecord
from engine.tasks.metric import ACCURACY

LINEAR = [name for name in LAYERS if "embeddings" not in name]
THREE = ("bert.pooler.dense", "classifier", "bert.encoder.layer.0.output.dense")


def expanded(**values: Any) -> list[dict[str, Any]]:
    experiment, config = configure("sensitivity", values)
    return [dict(point) for point in experiment.points(config)]


def record(noise: bool = True, done: int = 6) -> RunRecord:
    """Two formats on three layers: the classifier is ruined at fixed(2), its noise says so, the rest is harmless."""
    config = {"model": "builtin", "data": "builtin", "formats": ["fixed(2)", "fixed(4)"], "layers": list(THREE)}
    rows = [[7.0, 6.0, 0.3, 0.2], [0.5, 5.0, 0.97, 0.0], [8.0, 7.0, 0.3, 0.2], *[[19.0, 18.0, 0.1, 0.01]] * 3]
    deltas = [-0.001, -0.121, -0.002, 0.0, -0.0005, 0.001]
    points = []
    for index, (spec, layer) in enumerate((spec, layer) for spec in config["formats"] for layer in THREE):
        point = PointRecord(index, {"format": spec, "layer": layer})
        if index < done:
            half = 0.008 if spec == "fixed(2)" else 0.003
            result = {
                "delta": deltas[index],
                "delta_low": deltas[index] - half,
                "delta_high": deltas[index] + half,
                "accuracy": 0.88 + deltas[index],
                "samples": 2000,
                **dict(zip(NOISE, rows[index], strict=True)),
            }
            point = replace(point, state="finished", result=result)
        points.append(point)
    return RunRecord(
        id="s-0001",
        name="layers",
        experiment="sensitivity",
        state="running",
        config=config,
        path=Path("runs/s-0001"),
        created=0.0,
        notes={NOTE: {"rows": rows}} if noise else {},
        points=tuple(points),
    )


def test_one_point_for_each_format_and_layer_one_format_after_the_other() -> None:
    points = expanded(formats="fixed(4),mxint8")
    assert [point["layer"] for point in points] == LINEAR * 2
    assert [point["format"] for point in points] == ["fixed(4)"] * len(LINEAR) + ["mxint8"] * len(LINEAR)


def test_blocks_take_all_their_layers_and_what_lies_outside_stands_alone() -> None:
    points = [point["layer"] for point in expanded(formats="fixed(4)", each="block")]
    assert points == ["bert.encoder.layer.0", "bert.encoder.layer.1", "bert.pooler.dense", "classifier"]
    assert [point["layer"] for point in expanded(formats="fixed(4)", each="block", skip="*.layer.0.*")] == points[1:]


def test_layers_by_pattern_and_without_those_to_skip() -> None:
    layers = [point["layer"] for point in expanded(formats="fixed(4)", layers="classifier,*.layer.1", skip="*.output")]
    assert "classifier" in layers
    assert all(".layer.1." in layer for layer in layers if layer != "classifier")
    assert not any(layer.endswith("output.dense") for layer in layers if layer.count(".output"))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"formats": "fixed(8,"}, "position 9"),
        ({"formats": "classifier=fp32;*=fixed(4)"}, "no format is called 'classifier'"),
        ({"formats": ""}, "formats"),
        ({"activations": "fixd(4)"}, "fixd"),
    ],
)
def test_wrong_settings_are_refused_in_a_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as error:
        configure("sensitivity", values)
    assert sentence in str(error.value)


def test_a_model_whose_layers_are_not_known_has_no_points_and_is_refused(tmp_path: Path) -> None:
    experiment, config = configure("sensitivity", {"model": str(tmp_path / "nowhere")})
    assert experiment.points(config) == ()
    with pytest.raises(InputError, match="does not exist"):
        experiment.check(config)
    experiment, config = configure("sensitivity", {"skip": "Linear"})
    with pytest.raises(InputError, match="no layer is left to work on"):
        experiment.check(config)


def test_collapse_is_told_before_any_accuracy_is_measured() -> None:
    run = record(done=0)
    sentences = results.findings(run)
    assert len(sentences) == 1
    assert "fixed(2) destroys classifier: 97 % of its weights are zero" in sentences[0]
    assert [figure.key for figure in results.figures(run)] == ["noise"]
    (listing,) = results.listings(run)
    assert listing.rows[0]["layer"] == "classifier"
    assert [row["sqnr_weight_db"] for row in listing.rows] == [0.5, 7.0, 8.0, 19.0, 19.0, 19.0]


def test_findings_are_the_losses_the_rest_and_the_mix() -> None:
    lost, unhurt, whole, mix = (one for one in findings(rows(record(), ACCURACY), ACCURACY) if one.kind != "destroyed")
    assert (lost.kind, lost.of, lost.at, lost.samples) == ("lost", "classifier", "fixed(2)", 2000)
    assert lost.value == pytest.approx((-0.121, -0.129, -0.113))
    assert unhurt == Finding("unhurt", at="fixed(2)", samples=2000, counts=(2, 3))
    assert whole == Finding("unhurt", at="fixed(4)", samples=2000, counts=(3, 3))
    assert mix == Finding("mix", at="classifier=fp32;*=fixed(2)")


def test_sentences_name_the_loss_and_the_mix() -> None:
    sentences = results.findings(record())
    loss = "significant loss, -12.10 points, 95 % -12.90 to -11.30, n = 2,000; keep it at more bits."
    assert f"classifier at fixed(2): {loss}" in sentences
    assert "fixed(2): 2 of 3 measured layers show no significant loss (n = 2,000)." in sentences
    assert "fixed(4): 3 of 3 measured layers show no significant loss (n = 2,000)." in sentences
    mix = next(sentence for sentence in sentences if "mix" in sentence)
    assert "'formats=classifier=fp32;*=fixed(2)'" in mix
    configure("quantize", {"formats": "classifier=fp32;*=fixed(2)"})


def test_a_run_of_blocks_speaks_of_blocks() -> None:
    run = record()
    run = replace(run, config={**run.config, "each": "block"})
    assert "fixed(4): 3 of 3 measured blocks show no significant loss (n = 2,000)." in results.findings(run)
    assert results.figures(run)[0].title == "Test accuracy when one block alone is quantised"
    assert results.listings(run)[0].title == "Blocks by damage"


def test_many_ruined_layers_are_named_only_in_part() -> None:
    run = record()
    layers = [f"layer.{number}" for number in range(8)]
    ruined = dict(run.points[1].result or {})
    points = tuple(
        PointRecord(i, {"format": "fixed(2)", "layer": layer}, "finished", result=ruined)
        for i, layer in enumerate(layers)
    )
    sentences = results.findings(replace(run, points=points, notes={}))
    assert sum("loss, -12.10 points" in sentence for sentence in sentences) == 3
    assert "5 more layers show a significant loss at fixed(2)." in sentences
    assert not any("mix" in sentence for sentence in sentences)


def test_figures_have_a_series_for_each_format_along_the_layers() -> None:
    figures = {figure.key: figure for figure in results.figures(record(done=5))}
    assert list(figures) == ["damage", "noise", "against"]
    damage = figures["damage"]
    assert [series.name for series in damage.series] == ["fixed(2)", "fixed(4)", "baseline"]
    assert damage.series[0].x == (1.0, 2.0, 3.0)
    assert damage.series[1].x == (1.0, 2.0)
    assert damage.x_range == (1.0, 3.0)
    assert figures["against"].series[0].x == (7.0, 0.5, 8.0)


def test_the_worst_layer_comes_first_and_the_document_is_json() -> None:
    damage, noise = results.listings(record())
    assert next(row["layer"] for row in damage.rows) == "classifier"
    assert len(noise.rows) == 6
    json.dumps(document(record()))


def test_the_second_order_score_is_there_before_and_compared_after() -> None:
    run = record(done=0)
    scores = [0.2, 9.0, 0.4, 0.01, None, 0.03]
    notes = {NOTE: {**run.notes[NOTE], "second_order": scores}}
    early = replace(run, notes=notes)
    assert [one.key for one in results.listings(early)] == ["noise", "second_order"]
    assert [row["second_order"] for row in results.listings(early)[1].rows] == [9.0, 0.4, 0.2, 0.03, 0.01]
    assert not any("rank correlation" in sentence for sentence in results.findings(early))
    late = {figure.key: figure for figure in results.figures(replace(record(), notes=notes))}
    assert late["second_order"].series[0].x == (0.2, 9.0, 0.4)
    assert late["second_order"].x_scale == "log"


def test_layers_orders_are_compared_by_their_ranks() -> None:
    run, layers = record(), [f"layer.{number}" for number in range(5)]
    measured = {key: value for key, value in (run.points[0].result or {}).items() if key not in NOISE}
    points = tuple(
        PointRecord(i, {"format": "fixed(2)", "layer": layer}, "finished", result={**measured, "delta": -0.01 * i})
        for i, layer in enumerate(layers)
    )
    rows = [[10.0 + i, 6.0, 0.3, 0.2] for i in range(5)]
    notes = {NOTE: {"rows": rows, "second_order": [0.1, 0.2, 0.4, 0.3, 0.5]}}
    sentences = results.findings(replace(run, points=points, notes=notes))
    assert (
        "fixed(2): the second-order score ranks 5 layers as their measured loss does with a rank correlation of +0.90, "
        "the SQNR of their weights with -1.00." in sentences
    )


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=4, max_size=20))
def test_rank_correlation_is_that_of_scipy(pairs: list[tuple[int, int]]) -> None:
    first, second = zip(*pairs, strict=True)
    ours = rank_correlation(first, second)
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert ours is None
    else:
        assert ours == pytest.approx(spearmanr(first, second).statistic)


def test_what_counts_as_collapsed() -> None:
    def row(**known: float) -> Row:
        return Row(number=1, layer="a", format="fixed(2)", **known)  # type: ignore[arg-type]

    assert row(zeros=0.95, sqnr_weight_db=10.0).collapsed
    assert row(zeros=0.0, sqnr_weight_db=-12.0).collapsed
    assert not row(zeros=0.5, sqnr_weight_db=4.0).collapsed
    assert not row().collapsed


@pytest.mark.slow
def test_the_real_thing_sees_a_ruined_classifier(builtin: Path, tmp_path: Path) -> None:
    """One layer alone is quantised; what the note says beforehand is what each point reports."""
    tmp_path.joinpath("run").mkdir()
    settings = {
        "formats": "fixed(4,0),fixed(8)",
        "layers": "classifier,bert.pooler",
        "eval_samples": 300,
        "max_length": 64,
        "batch_size": 32,
    }
    experiment, config = configure("sensitivity", settings)
    experiment.check(config)
    context = RecordingContext(tmp_path / "run", threads=torch.get_num_threads())
    planned = [Point(index, params) for index, params in enumerate(experiment.points(config))]
    assert [point.params["layer"] for point in planned] == ["bert.pooler.dense", "classifier"] * 2
    experiment.run(config, planned, context)
    found: Mapping[int, Mapping[str, Any]] = context.results
    for point, row in zip(planned, context.notes[NOTE]["rows"], strict=True):
        assert [found[point.index][key] for key in NOISE] == pytest.approx(row)
        assert found[point.index]["second_order"] == context.notes[NOTE]["second_order"][point.index] > 0
        assert found[point.index]["elements"] == (256 if point.params["layer"] == "classifier" else 128 * 128)
    ruined, fine = found[1], found[3]
    assert ruined["zeros"] == 1.0
    assert ruined["delta_high"] < 0
    assert ruined["validation_accuracy"] < fine["validation_accuracy"]
    assert fine["delta_low"] <= 0 <= fine["delta_high"]


@pytest.mark.slow
def test_a_block_is_rounded_with_all_its_layers(builtin: Path, tmp_path: Path) -> None:
    """The block scores as the sweep over the same layers at once; its second-order score is the sum of its layers'."""
    settings: dict[str, Any] = {"formats": "fixed(3)", "eval_samples": 200, "max_length": 32, "batch_size": 32}

    def run(name: str, experiment: str, **more: Any) -> RecordingContext:
        tmp_path.joinpath(name).mkdir()
        context = RecordingContext(tmp_path / name, threads=torch.get_num_threads())
        found, config = configure(experiment, settings | more)
        found.run(config, [Point(0, found.points(config)[0])], context)
        return context

    block = run("block", "sensitivity", layers="bert.encoder.layer.1", each="block")
    whole = run("whole", "quantize", layers="bert.encoder.layer.1")
    layers = run("layers", "sensitivity", layers="bert.encoder.layer.1")
    (told,) = block.results.values()
    (swept,) = whole.results.values()
    assert told["loss"] == swept["loss"]
    assert (told["sqnr_weight_db"], told["zeros"]) == (swept["sqnr_db"], swept["zeros"])
    assert told["covered"] == swept["covered"]
    assert told["second_order"] == pytest.approx(sum(layers.notes[NOTE]["second_order"]))
    assert len(layers.notes[NOTE]["rows"]) == 6
