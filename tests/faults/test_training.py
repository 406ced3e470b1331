"""Training that is killed with -9, child alone and everything at once, ends with the numbers of an undisturbed one."""

from pathlib import Path
from typing import Any

import pytest

from engine.experiments.launch import configure, launch
from engine.runtime import control
from engine.runtime.attempts import AttemptFile, checkpoint_folder, read_events
from engine.runtime.records import RunRecord
from tests.faults.helpers import kill, kill_all, processes, wait_for, wait_until_idle

pytestmark = pytest.mark.slow

SETTINGS = {
    "methods": "lora",
    "steps": 40,
    "eval_steps": 8,
    "batch_size": 16,
    "max_length": 32,
    "eval_samples": 60,
    "learning_rates": 0.01,
    "dropout": 0.2,
}
MEASURED = ("texts_per_second", "peak_memory")  # of the process, not of the training


def begun(**settings: Any) -> Path:
    return launch(*configure("finetune", SETTINGS | settings))


def step_kept(path: Path) -> int:
    names = [file.name for file in checkpoint_folder(path, 0).glob("[0-9]*")]
    return max(map(int, names), default=0)


def outcome(run: RunRecord) -> tuple[Any, Any]:
    point = run.points[0]
    assert point.state == "finished", point.error
    result = {key: value for key, value in (point.result or {}).items() if key not in MEASURED}
    return result, point.metrics


def first_kept(path: Path, attempt: int) -> int:
    events, _ = read_events(AttemptFile.of(path, "0000", attempt).path)
    return next(event.data["step"] for event in events if event.kind == "checkpoint")


def test_a_killed_training_goes_on_from_its_last_checkpoint(builtin: Path) -> None:
    path = begun(checkpoint_seconds=0)
    wait_for(lambda: step_kept(path) >= 5, "a checkpoint")
    kill(processes(path)["child"])  # the driver tries again by itself
    wait_for(lambda: AttemptFile.of(path, "0000", 2).path.exists() and step_kept(path) >= 15, "another checkpoint")
    kill_all(path)
    kept = step_kept(path)
    control.resume(path)
    killed = wait_until_idle(path)
    assert killed.points[0].attempt == 3
    assert first_kept(path, 2) >= 4, "the file of step 5 was there, the line about it perhaps not yet"
    assert first_kept(path, 3) in (kept, kept - 1), "killed before or after the line about the last file"
    assert not checkpoint_folder(path, 0).exists()

    undisturbed = wait_until_idle(begun())
    result, metrics = outcome(undisturbed)
    assert len(metrics["loss"]) == 40
    assert len(metrics["validation_accuracy"]) == 5
    assert outcome(killed) == (result | {"model": (killed.points[0].result or {})["model"]}, metrics)
