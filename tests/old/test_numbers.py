"""Results without training are those of 0.1.0, to the last digit.

`numbers-0.1.0.json` holds what 0.1.0 recorded: the demo's PTQ points and seeded sweeps of formats, pruning and
sensitivity on the built-in model (that of the weights whose SHA-256 stands there: training it ends in other weights on
another processor), and the sweeps on a BERT-tiny fine-tuned on IMDB. On another processor or torch, sums are rounded
otherwise. What trains differs on purpose (CHANGELOG.md): it draws its samples by seed.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.experiments.launch import configure
from engine.runtime.context import Point, RecordingContext
from tests.conftest import shared

RECORDED: dict[str, Any] = json.loads(Path(__file__).with_name("numbers-0.1.0.json").read_text())
SAME = (torch.backends.cpu.get_cpu_capability(), torch.__version__) == (RECORDED["cpu"], RECORDED["torch"])


def results(run: dict[str, Any], folder: Path, **settings: Any) -> list[dict[str, Any]]:
    experiment, config = configure(run["experiment"], run["settings"] | settings)
    config = type(config).recorded(config.model_dump(exclude={"calibration_samples"}))
    context = RecordingContext(folder)
    wanted = [one["params"] for one in run["points"]]
    found = [Point(index, params) for index, params in enumerate(experiment.points(config))]
    assert [point.params for point in found][: len(wanted)] == wanted
    for point in found[: len(wanted)]:
        experiment.run(config, [point], context)
    assert context.errors == {}
    return [context.results[index] for index in range(len(wanted))]


def compare(run: dict[str, Any], found: list[dict[str, Any]]) -> None:
    for point, result in zip(run["points"], found, strict=True):
        expected = point["result"]
        if SAME:
            assert {key: result[key] for key in expected} == expected, point["params"]
        else:
            assert {key: result[key] for key in expected} == pytest.approx(expected, rel=0.02, abs=0.02)


def id_of(run: dict[str, Any]) -> str:
    return f"{run['experiment']}-{len(run['points'])}"


@pytest.mark.slow
@pytest.mark.parametrize("run", [one for one in RECORDED["runs"] if one["settings"]["model"] == "builtin"], ids=id_of)
def test_numbers_of_the_builtin_model(run: dict[str, Any], builtin: Path, tmp_path: Path) -> None:
    (weights,) = builtin.glob("cache/builtin/*/model/model.safetensors")
    if hashlib.sha256(weights.read_bytes()).hexdigest() != RECORDED["builtin"]:
        pytest.skip("training the built-in model ends in other weights here")
    compare(run, results(run, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("run", [one for one in RECORDED["runs"] if one["settings"]["model"] != "builtin"], ids=id_of)
def test_numbers_of_a_bert_on_imdb(run: dict[str, Any], tmp_path: Path) -> None:
    at = {name: str(shared(run["settings"][name])) for name in ("model", "data")}
    compare(run, results(run, tmp_path, **at))
