"""NaN and infinity are a failed measurement in every experiment, never a score; the layer where it began is named."""

import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from engine.errors import InputError
from engine.experiments import results
from engine.experiments.launch import configure
from engine.experiments.shared.choosing import Candidate, choose, is_measured
from engine.runtime.context import Point, RecordingContext
from engine.tasks.metric import ACCURACY
from tests.tui.recorded import BASELINE, run_record

QUERY = "bert.encoder.layer.0.attention.self.query.weight"
SETTINGS: dict[str, dict[str, Any]] = {
    "quantize": {"formats": "mxint8"},
    "prune": {"sparsities": "0.5", "finetune_steps": 0},
    "finetune": {"steps": 2},
    "sensitivity": {"formats": "fixed(4)", "layers": "classifier"},
    "search": {"space": "num_hidden_layers=1,2", "trials": 1, "steps": 4},
    "mixed": {"families": "fixed", "trials": 1},
    "profile": {"study": "memory"},
}


@pytest.fixture
def one_nan(small_pair: dict[str, str], tmp_path: Path) -> dict[str, str]:
    model = tmp_path / "one-nan"
    shutil.copytree(small_pair["model"], model)
    tensors = load_file(model / "model.safetensors")
    tensors[QUERY][0, 0] = math.nan
    save_file(tensors, model / "model.safetensors", {"format": "pt"})
    return small_pair | {"model": str(model)}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_model_with_a_nan_has_no_result(name: str, one_nan: dict[str, str], tmp_path: Path) -> None:
    """It finished with 57.5 %, a star and "loses nothing": of NaN the largest is class 0."""
    used = one_nan if name != "profile" else {"model": one_nan["model"]}
    experiment, config = configure(name, used | SETTINGS[name])
    context = RecordingContext(tmp_path)
    point = Point(0, {**experiment.points(config)[0], "trial": 0})
    with pytest.raises(InputError, match=rf"not finite: {QUERY} has 1 NaN or infinite of 256 values \(0.39 %\)"):
        experiment.run(config, [point], context)
    assert context.results == {}


@pytest.mark.parametrize("give_up", [None, 0.1])
def test_a_point_that_breaks_fails_alone_and_names_its_layer(
    small_pair: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, give_up: float | None
) -> None:
    """Of points that share a task the others have their results."""
    from engine.experiments.quantize import run as quantize

    made = quantize.quantized

    def break_one(bench: Any, formats: Any, **more: Any) -> Any:
        model = made(bench, formats, **more)
        if "fixed(4" in str(formats.weight):
            layer = model.get_submodule("bert.pooler.dense")  # its own bias: points share the model's parameters
            layer.bias = nn.Parameter(torch.full_like(layer.bias, math.inf), requires_grad=False)
        return model

    monkeypatch.setattr(quantize, "quantized", break_one)
    experiment, config = configure("quantize", small_pair | {"widths": "4,8", "give_up": give_up})
    context = RecordingContext(tmp_path)
    points = [Point(index, params) for index, params in enumerate(experiment.points(config))]
    experiment.run(config, points, context)
    assert list(context.results) == [1]
    assert context.errors[0]["type"] == "InputError"
    assert "bert.pooler.dense" in context.errors[0]["message"]


def test_a_training_that_breaks_down_is_a_failed_point(small_pair: dict[str, str], tmp_path: Path) -> None:
    rates = {"modes": "qat", "qat_steps": 8, "learning_rate": 1.0, "widths": "8"}
    experiment, config = configure("quantize", small_pair | rates)
    config = config.model_copy(update={"learning_rate": 1e30})
    context = RecordingContext(tmp_path)
    experiment.run(config, [Point(0, experiment.points(config)[0])], context)
    assert context.results == {}
    assert "training broke down at step" in context.errors[0]["message"]
    assert all(math.isfinite(value) for _, _, _, value in context.metrics)


def test_nothing_is_chosen_by_a_loss_that_is_no_number() -> None:
    """Runs of older versions recorded such points as finished."""
    good = {"accuracy": 0.8, "validation_accuracy": 0.8, "loss": 0.4}
    assert is_measured(good)
    assert not any(is_measured(good | {key: bad}) for key in good for bad in (math.nan, math.inf, None, "NaN"))
    assert choose([Candidate(0, "a", 10, 0.8, 100, 0.04)], ACCURACY) is not None


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_older_versions_took_for_results_is_none(bad: float) -> None:
    """A run of theirs keeps its record; nothing is drawn, chosen or said of it."""
    run = run_record("q-0001")
    broken = replace(run.points[-1], result={**(run.points[-1].result or {}), "accuracy": 1.0, "loss": bad})
    run = replace(run, points=(*run.points[:-1], broken))
    assert results.best(run) == results.best(replace(run, points=run.points[:-1]))
    assert len(results.figures(run)[0].series[0].x) == len(run.points) - 1
    assert results.document(run)["points"][-1]["result"]["accuracy"] == 1.0
    lost = replace(run, notes={"baseline": {**BASELINE, "loss": bad}})
    assert results.baseline(lost) == ""
    assert all(series.name != "baseline" for figure in results.figures(lost) for series in figure.series)
