"""`quantize` run for real on the built-in pair: through its own process tree, and called directly."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.experiments.launch import configure
from engine.experiments.memory import point_memory
from engine.experiments.results import best
from engine.runtime.context import RecordingContext
from engine.runtime.lock import read_info
from engine.runtime.records import RunRecord
from engine.runtime.runs import find_run, read_run
from tests.experiments.direct import computed_here

pytestmark = pytest.mark.slow

SETTINGS = {"eval_samples": 300, "max_length": 64, "qat_steps": 8, "batch_size": 32}


def direct(folder: Path, at_once: int = 1, **settings: Any) -> tuple[RecordingContext, list[Mapping[str, Any]]]:
    return computed_here("quantize", folder, SETTINGS | settings, at_once)


def labtui(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "tui_app", *words], capture_output=True, text=True, timeout=240)


def settings(**more: Any) -> list[str]:
    return [word for key, value in (SETTINGS | more).items() for word in ("--set", f"{key}={value}")]


def until(condition: Any, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def recorded(run: RunRecord) -> list[dict[str, Any]]:
    """What was found, without what it took of the machine."""
    return [{**(point.result or {}), "peak_memory": None} for point in run.points]


def test_float32_is_the_baseline_and_few_bits_are_worse(builtin: Path, tmp_path: Path) -> None:
    context, (whole, coarse) = direct(tmp_path / "run", formats="fp32,fixed(2,0)")
    baseline = context.notes["baseline"]
    assert whole["accuracy"] == baseline["accuracy"]
    assert whole["delta"] == 0
    assert baseline["accuracy"] > 0.8
    assert coarse["delta_high"] < 0
    assert coarse["accuracy_low"] < coarse["accuracy"] < coarse["accuracy_high"]


def test_training_mends_what_rounding_broke(builtin: Path, tmp_path: Path) -> None:
    _, (rounded, trained) = direct(tmp_path / "run", formats="fixed(4,2)", modes="ptq,qat", qat_steps=40)
    assert trained["loss"] < rounded["loss"]


def test_bytes_are_those_of_the_file_and_the_model_loads_to_the_same_accuracy(builtin: Path, tmp_path: Path) -> None:
    _, (result,) = direct(tmp_path / "first", widths="5")
    model = tmp_path / "first" / result["model"]
    assert result["bytes"] == sum(file.stat().st_size for file in model.glob("*.safetensors"))
    experiment, config = configure("quantize", {"model": str(model), "skip": "classifier,bert.embeddings"})
    experiment.check(config)
    context, _ = direct(tmp_path / "second", model=str(model), formats="fp32")
    assert context.notes["baseline"]["accuracy"] == result["accuracy"]
    assert context.notes["baseline"]["loss"] == result["loss"]


def test_layers_are_reported_and_skipped_ones_left_alone(builtin: Path, tmp_path: Path) -> None:
    _, (result,) = direct(tmp_path / "run", widths="6", skip="classifier,*.attention.*", layers="Linear,Embedding")
    names = [layer["name"] for layer in result["layers"]]
    assert "bert.embeddings.word_embeddings" in names
    assert "bert.pooler.dense" in names
    assert not any("attention" in name or "classifier" in name for name in names)
    assert all(layer["sqnr_weight_db"] > 10 for layer in result["layers"])


def test_a_run_through_its_processes_equals_the_direct_one(builtin: Path, tmp_path: Path) -> None:
    done = labtui("run", "quantize", "--json", *settings(widths="3,8", modes="ptq,qat"))
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    _, results = direct(tmp_path / "run", widths="3,8", modes="ptq,qat")
    for point, result in zip(document["points"], results, strict=True):
        assert point["result"]["accuracy"] == result["accuracy"]
        assert point["result"]["loss"] == pytest.approx(result["loss"], rel=1e-5)
        assert point["result"]["bytes"] == result["bytes"]


def test_points_that_train_at_once_are_recorded_one_by_one(
    builtin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.experiments.shared.training.STACKED_FROM", 2)
    wanted = {"formats": "fixed(4,2),mxint8,fixed(8,4)", "modes": "qat,ptq"}
    context, results = direct(tmp_path / "run", at_once=6, **wanted)
    trained = {point: [step for one, key, step, _ in context.metrics if one == point] for point in range(6)}
    assert trained == {0: list(range(1, 9)), 1: list(range(1, 9)), 2: list(range(1, 9)), 3: [], 4: [], 5: []}
    last = {point: text for point, done, total, text in context.steps if text.startswith("training") and done == total}
    assert last[0] == last[2] == "training, 2 points at once"
    assert last[1].endswith("texts/s")
    _, alone = direct(tmp_path / "alone", **wanted)
    for result, other in zip(results, alone, strict=True):  # a sum rounded otherwise may tip a weight over
        assert result["loss"] == pytest.approx(other["loss"], rel=0.01)
    assert results[3:] == [
        {**other, "peak_memory": result["peak_memory"]} for other, result in zip(alone[3:], results[3:], strict=True)
    ]


def test_only_models_that_can_still_be_chosen_are_kept(builtin: Path) -> None:
    assert labtui("run", "quantize", *settings(widths="2,3,4,6,8")).returncode == 0
    run = read_run(find_run("@last"))
    choice = best(run)
    assert choice is not None
    kept = {int(folder.name) for folder in (run.path / "artifacts" / "points").iterdir()}
    assert choice.index in kept
    accuracy = {point.index: (point.result or {})["validation_accuracy"] for point in run.points}
    assert kept == {one for one in accuracy if all(accuracy[one] > accuracy[smaller] for smaller in range(one))}
    foreseen = point_memory(configure("quantize", run.config)[1])
    assert foreseen is not None
    assert all(foreseen / 2 < (point.result or {})["peak_memory"] < 1.5 * foreseen for point in run.points)


def test_killed_driver_and_all_then_resumed_equals_undisturbed(builtin: Path) -> None:
    words = settings(widths="3,4,5", modes="ptq,qat")
    assert labtui("run", "quantize", "--name", "undisturbed", *words).returncode == 0
    assert labtui("run", "quantize", "--name", "killed", "--detach", *words).returncode == 0
    path = find_run("killed")
    until(lambda: len(read_run(path).finished) >= 2)
    os.killpg(read_info(path).driver.pid, signal.SIGKILL)
    until(lambda: read_run(path).state == "interrupted")
    before = [point for point in read_run(path).points if point.state == "finished"]
    assert labtui("resume", "killed").returncode == 0
    until(lambda: read_run(path).state == "finished")
    run, undisturbed = read_run(path), read_run(find_run("undisturbed"))
    assert recorded(run) == recorded(undisturbed)
    for point in before:
        assert run.points[point.index].ended == point.ended
