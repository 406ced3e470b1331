"""The experiment `graph`: its settings, its points, and what a finished run says of itself."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from torch import nn

from engine.errors import InputError
from engine.experiments import registry, results
from engine.experiments.graph import EXPERIMENT
from engine.experiments.graph.config import GraphConfig
from engine.experiments.graph.findings import findings
from engine.experiments.graph.report import captures, export_graph
from engine.experiments.launch import configure
from engine.experiments.shared.finding import Finding
from engine.graph import subjects
from engine.graph.reasons import Dropouts, NoLoss
from engine.runtime.context import Point, RecordingContext
from engine.runtime.records import PointRecord, RunRecord
from tests.graph.models import Undecided, bert, save_classifier
from tui_app.command.main import cli

ALL = "input_ids,attention_mask,labels"


def test_sets_of_inputs_are_points() -> None:
    config = GraphConfig(inputs="input_ids , labels;input_ids;; input_ids,labels", against="other")
    assert config.inputs == "input_ids,labels; input_ids"
    assert [tuple(point.values()) for point in EXPERIMENT.points(config)] == [
        ("builtin", "input_ids,labels"),
        ("builtin", "input_ids"),
        ("other", "input_ids,labels"),
        ("other", "input_ids"),
    ]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"inputs": "input_idz"}, "inputs: there is no input 'input_idz'; did you mean input_ids?"),
        ({"inputs": " ; "}, "inputs: name at least one input"),
        ({"passes": "remove_dropouts"}, "passes: there is no pass 'remove_dropouts'; did you mean remove_dropout?"),
        ({"passes": "quantize_linear"}, r"is written quantize_linear\(format, layers\)"),
        ({"passes": "quantize_linear(fixd(8))"}, "fixd"),
        ({"attention": "flash"}, "attention"),
        ({"batch": 0}, "batch"),
    ],
)
def test_settings_that_cannot_be(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        configure("graph", values)


def test_a_model_that_is_not_there_is_told_before_anything_starts() -> None:
    with pytest.raises(InputError, match="does not exist"):
        EXPERIMENT.check(GraphConfig(model="./nowhere"))


def test_it_is_registered() -> None:
    assert registry.get("graph") is EXPERIMENT
    assert EXPERIMENT.label(GraphConfig(model="a/b", passes=("remove_dropout",))) == "b graph remove_dropout"


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> dict[str, nn.Module]:
    """Models by source, in place of what a folder or the hub holds."""
    known: dict[str, nn.Module] = {"builtin": bert(), "undecided": Undecided()}
    monkeypatch.setattr(
        subjects,
        "subject",
        lambda source, attention="auto", progress=None: subjects.plain_subject(known[source], source),
    )
    return known


def run(tmp_path: Path, **settings: Any) -> RunRecord:
    """What a run of these settings records."""
    _, config = configure("graph", settings)
    assert isinstance(config, GraphConfig)
    context = RecordingContext(tmp_path)
    points = [Point(index, params) for index, params in enumerate(EXPERIMENT.points(config))]
    EXPERIMENT.run(config, points, context)
    return RunRecord(
        id="g-0001",
        name="a graph",
        experiment="graph",
        config=config.model_dump(mode="json"),
        state="finished",
        created=0.0,
        path=tmp_path,
        points=tuple(
            PointRecord(
                point.index, point.params, state="finished", result=json.loads(json.dumps(context.results[point.index]))
            )
            for point in points
        ),
    )


def test_captures_passes_and_differences_of_a_run(tmp_path: Path, models: dict[str, nn.Module]) -> None:
    record = run(
        tmp_path,
        inputs=f"{ALL}; input_ids",
        passes="remove_dropout, quantize_linear(fixed(8))",
    )
    first, second = (point.result or {} for point in record.points)
    assert (first["dropouts"], first["attention_dropouts"], first["class"]) == (6, 2, "BertForSequenceClassification")
    assert first["operators"] > second["operators"]
    assert [one["pass"] for one in first["passes"]] == ["remove_dropout", "quantize_linear(fixed(8))"]
    assert first["passes"][0]["difference"] < 1e-5 < first["passes"][1]["difference"] == first["difference"]
    tables = {listing.key: listing for listing in EXPERIMENT.listings(GraphConfig(), record)}
    assert list(tables) == ["diff", "passes", "operators", "dropout", "layers", "activations", "ranges"]
    assert {row["between"] for row in tables["diff"].rows} == {
        "without attention_mask, without labels",
        "remove_dropout, quantize_linear(fixed(8))",
    }
    assert {row["capture"] for row in tables["operators"].rows} == {"input_ids,attention_mask,labels", "input_ids"}
    assert len(tables["layers"].rows) == 20  # said once: both captures have the same layers
    assert all("integer_bits" in row for row in tables["ranges"].rows)
    (figure,) = EXPERIMENT.figures(GraphConfig(), record)
    assert figure.categories[0] == "linear"
    assert [(one.name, one.y[0]) for one in figure.series] == [
        ("builtin(input_ids, attention_mask, labels)", 14.0),
        ("without attention_mask, without labels", 14.0),
    ]
    found = findings(record, EXPERIMENT.read(GraphConfig(), record))
    passed = [(one.of, one.at) for one in found if isinstance(one, Finding) and one.kind == "pass"]
    assert passed[:2] == [(ALL, "remove_dropout"), (ALL, "quantize_linear(fixed(8))")]
    assert [(one.modules, one.attention) for one in found if isinstance(one, Dropouts)] == [(6, 2)]
    assert [one.input for one in found if isinstance(one, NoLoss)] == ["labels"]
    sentences = EXPERIMENT.findings(GraphConfig(), record)
    assert any("6 dropout modules in the graph, 2 more inside fused attention" in one for one in sentences)
    assert any(one.startswith("remove_dropout (input_ids): Its outputs") for one in sentences)
    assert any("Without labels there is no loss" in one for one in sentences)
    assert results.document(record)["findings"] == list(sentences)


def test_artifacts_hold_the_graphs_and_can_be_exported(tmp_path: Path, models: dict[str, nn.Module]) -> None:
    record = run(tmp_path, inputs="input_ids", passes="remove_dropout")
    (captured,) = captures(record, EXPERIMENT.read(GraphConfig(), record))
    assert captured.after is not None
    assert captured.after.passes == ("remove_dropout",)
    out = tmp_path / "out"
    export_graph(record, out / "layer.md", module="bert.encoder.layer.0")
    export_graph(record, out / "after.json", after=True)
    assert (out / "layer.md").read_text(encoding="utf-8").startswith("# builtin(input_ids): bert.encoder.layer.0")
    assert json.loads((out / "after.json").read_text(encoding="utf-8"))["passes"] == ["remove_dropout"]
    with pytest.raises(InputError, match="no finished point 7"):
        export_graph(record, out / "x.md", point=7)
    plain = replace(
        record, points=tuple(replace(one, result={**(one.result or {}), "after": None}) for one in record.points)
    )
    with pytest.raises(InputError, match="no passes were applied"):
        export_graph(plain, out / "x.md", after=True)
    with pytest.raises(InputError, match="has no point with a graph"):
        export_graph(replace(record, path=tmp_path / "gone"), out / "x.md")


def test_a_model_that_cannot_be_exported_finishes_with_its_reason(
    tmp_path: Path, models: dict[str, nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bert(), "forward", Undecided.forward.__get__(bert()))
    monkeypatch.setattr("engine.graph.capture.example", lambda names, model: {"x": __import__("torch").zeros(3, 8)})
    record = run(tmp_path, inputs="input_ids", passes="remove_dropout")
    result = record.points[0].result or {}
    assert "decides by the values of tensors" in result["problem"]
    assert (result["operators"], result["passes"]) == (0, [])
    assert result["parameters"] > 0
    (sentence,) = EXPERIMENT.findings(GraphConfig(), record)
    assert sentence.startswith("builtin(x) has no graph. Its forward decides")


@pytest.mark.slow
def test_the_whole_way_through_the_command_line(tmp_path: Path) -> None:
    """A real run in processes of its own, from a folder's config and weights, then its exports."""
    model = save_classifier(tmp_path / "model")
    runner = CliRunner()
    done = runner.invoke(cli, ["run", "graph", "--set", f"model={model}", "--set", "inputs=input_ids", "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    (point,) = document["points"]
    assert (point["result"]["dropouts"], point["result"]["title"]) == (6, "model")
    assert {listing["key"] for listing in document["listings"]} >= {"operators", "layers", "ranges"}
    path = tmp_path / "pooler.dot"
    wrote = runner.invoke(cli, ["export", "@last", "--graph", str(path), "--module", "bert.pooler"])
    assert wrote.exit_code == 0, wrote.output
    assert path.read_text(encoding="utf-8").startswith("digraph model {")
