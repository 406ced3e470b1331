"""What the Formats screen is told of a layer, against plain counting."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from engine.compress import LayerFormats, layer_report, quantize_model
from engine.errors import InputError
from engine.formats import parse
from engine.formats.registry import FAMILIES
from engine.models.classifier import Classifier
from engine.profiling import inspect
from engine.store import save

LAYER = "bert.encoder.layer.0.attention.self.query"
COLUMNS = 31


@pytest.fixture
def folder(classifier: Classifier, tmp_path: Path) -> str:
    save(classifier, tmp_path / "model")
    return str(tmp_path / "model")


@pytest.fixture
def weight(classifier: Classifier) -> torch.Tensor:
    return classifier.model.get_submodule(LAYER).weight.detach()


def test_layers_are_all_that_have_a_weight_matrix(folder: str) -> None:
    told = inspect.layers(folder)
    assert told is not None
    by_name = {one["name"]: one for one in told}
    assert by_name["bert.embeddings.word_embeddings"]["type"] == "Embedding"
    assert by_name["classifier"] == {"name": "classifier", "type": "Linear", "shape": [2, 32]}
    assert not any("LayerNorm" in name for name in by_name)


@pytest.mark.parametrize("spec", [*(kind.example for kind in FAMILIES.values()), "fixed(4)", "log(4)"])
def test_what_a_format_does_agrees_with_the_layer_report(spec: str, folder: str, classifier: Classifier) -> None:
    told = inspect.layer(folder, LAYER, [spec], COLUMNS)["formats"][0]
    json.dumps(told)
    (row,) = inspect.some_layers(folder, [LAYER], spec)
    if spec != "fp32":
        reports = layer_report(quantize_model(classifier.model, LayerFormats(spec)))
        report = next(one for one in reports if one.name == LAYER)
        assert (told["fitted"], told["bits"]) == (report.spec, report.bits)
        assert (told["sqnr_db"], told["zeros"]) == (report.sqnr_weight_db, report.zeros)
        assert told["saturated"] == report.saturated
    assert (row["sqnr_db"], row["zeros"], row["saturated"]) == (told["sqnr_db"], told["zeros"], told["saturated"])


def test_counts_grid_error_and_bytes(folder: str, weight: torch.Tensor) -> None:
    told = inspect.layer(folder, LAYER, ["fixed(4,6)", "mxfp4"], COLUMNS)
    limit = told["limit"]
    edges = torch.linspace(-limit, limit, COLUMNS + 1)

    def columns(values: torch.Tensor) -> torch.Tensor:
        return torch.bucketize(values, edges[1:-1], right=True)

    assert sum(told["counts"]) == weight.numel()
    assert told["counts"] == torch.bincount(columns(weight.reshape(-1)), minlength=COLUMNS).tolist()
    fixed, blocks = told["formats"]
    grid = torch.arange(-8, 8) / 64
    expected = torch.bincount(columns(grid[grid.abs() < limit]), minlength=COLUMNS) > 0
    assert fixed["grid"] == expected.tolist()
    assert fixed["values"] == grid[grid.abs() <= limit].tolist()
    assert blocks["values"] == []
    used = torch.bincount(columns(parse("mxfp4").quantize(weight).reshape(-1)), minlength=COLUMNS) > 0
    assert blocks["grid"] == used.tolist()
    assert blocks["scaled"]
    assert not fixed["scaled"]
    for spec, one in (("fixed(4,6)", fixed), ("mxfp4", blocks)):
        assert one["bytes"] == parse(spec).pack(weight).nbytes
        assert one["largest_error"] == float((parse(spec).quantize(weight) - weight).abs().max())


def test_the_picture_reaches_out_to_the_nearest_value_of_a_coarse_format(folder: str, weight: torch.Tensor) -> None:
    assert inspect.layer(folder, LAYER, ["binary"], COLUMNS)["limit"] >= 1 > weight.abs().max()
    assert inspect.layer(folder, LAYER, ["fixed(4,0)"], COLUMNS)["limit"] >= 1
    fine = inspect.layer(folder, LAYER, ["fixed(16,14)"], COLUMNS)["limit"]
    assert fine == pytest.approx(1.04 * float(weight.abs().max()), rel=1e-4)


def test_weights_of_a_bar_come_one_after_the_other_and_round(folder: str, weight: torch.Tensor) -> None:
    inside = ((weight >= 0.01) & (weight < 0.02)).nonzero().tolist()

    def at(place: int) -> dict[str, Any]:
        return inspect.value(folder, LAYER, ["fixed(4)", "mxint8"], 0.01, 0.02, place)

    assert [[at(place)[key] for key in ("row", "column")] for place in range(4)] == inside[:4]
    assert at(len(inside))["place"] == at(0)["place"] == 0
    assert at(-1)["place"] == len(inside) - 1
    assert at(0)["of"] == len(inside)
    fixed, mx = at(0)["formats"]
    row, column = inside[0]
    assert fixed["value"] == mx["value"] == float(weight[row, column])
    assert fixed["spec"] == str(parse("fixed(4)").fit(weight))
    assert mx["decoded"] == float(parse("mxint8").quantize(weight)[row, column])


def test_an_empty_bar_shows_the_nearest_weight(folder: str, weight: torch.Tensor) -> None:
    told = inspect.value(folder, LAYER, ["fixed(4)"], 7.0, 8.0, 3)
    assert told["of"] == 0
    assert told["formats"][0]["value"] == float(weight.max())


def test_a_layer_that_is_not_there_is_named(folder: str) -> None:
    with pytest.raises(InputError, match="no layer with a weight called nothing"):
        inspect.layer(folder, "nothing", ["fixed(4)"], COLUMNS)


def _making(monkeypatch: pytest.MonkeyPatch, *answers: int | None) -> list[str]:
    """The models of which a process has been started; each time one is looked at it gives the next answer."""
    started: list[str] = []
    replies = iter(answers)

    def popen(words: list[str], **_: Any) -> Any:
        started.append(words[-1])
        return SimpleNamespace(poll=lambda: next(replies))

    monkeypatch.setattr(inspect, "_making", {})
    monkeypatch.setattr(inspect.subprocess, "Popen", popen)
    return started


def test_the_builtin_model_is_made_by_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started = _making(monkeypatch, None, 1)
    assert inspect.layers("builtin") is None
    assert inspect.layers("builtin") is None
    assert started == ["builtin"]
    with pytest.raises(InputError, match="could not be made"):
        inspect.layers("builtin")


def test_each_builtin_model_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that had been made stood in the way of the next."""
    started = _making(monkeypatch, None)
    assert inspect.layers("builtin") is None
    assert inspect.layers("builtin:vision") is None
    assert started == ["builtin", "builtin:vision"]


def test_a_builtin_model_that_was_made_and_erased_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    started = _making(monkeypatch, 0)
    assert [inspect.layers("builtin") for _ in range(3)] == [None] * 3
    assert started == ["builtin", "builtin"]


def test_a_sample_is_the_first_linear_layer_and_only_where_it_costs_nothing(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = inspect.sample(folder, "fixed(4)", COLUMNS)
    assert told is not None
    assert {**told, "name": None} == {"name": None, **inspect.layer(folder, told["name"], ["fixed(4)"], COLUMNS)}
    assert told["name"] == next(one["name"] for one in inspect.layers(folder) or () if one["type"] == "Linear")
    assert inspect.sample("owner/model-on-the-hub", "fixed(4)", COLUMNS) is None
    monkeypatch.setattr(inspect, "_LARGE", 10)
    assert inspect.sample(folder, "fixed(4)", COLUMNS) is None
    monkeypatch.setattr(inspect, "is_unmade", lambda _: True)
    assert inspect.sample("builtin", "fixed(4)", COLUMNS) is None
