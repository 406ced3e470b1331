"""`labtui extend`, `enqueue` and `export --optuna`."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from engine.experiments.search import EXPERIMENT
from engine.experiments.search.config import SearchConfig
from engine.runtime.attempts import AttemptFile, AttemptLog
from engine.runtime.encoding import loads
from engine.runtime.requests import ask
from engine.runtime.runs import create_run
from engine.runtime.trials import pending
from tui_app.command.main import cli

CONFIG = SearchConfig(space="num_hidden_layers=1,2,3; learning_rate=1e-4..1e-2 log", samplers=("random",), trials=2)


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A search whose first trial has finished and that nobody works on."""
    points = [dict(params) for params in EXPERIMENT.points(CONFIG)]
    path = create_run(
        experiment="search", config=CONFIG.model_dump(mode="json"), points=points, versions={}, name="mine"
    )
    asked = AttemptLog.create(path / "trials.jsonl")
    asked.emit("trial", 0, {"params": {**points[0], "num_hidden_layers": 2, "learning_rate": 0.001}})
    log = AttemptLog.create(AttemptFile.of(path, "0000", 1).path)
    log.emit("start", None, {"points": [0], "device": "cpu"})
    score = {"validation_accuracy": 0.8, "validation_low": 0.7, "validation_high": 0.9, "validation_samples": 100}
    log.emit("finished", 0, {**score, "bytes": 10, "reports": [[1, 0.8]]})
    monkeypatch.setattr("engine.experiments.asking.control.start", lambda path: None)
    return path


def labtui(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words), catch_exceptions=False)


def wishes(path: Path) -> list[Any]:
    return [loads(wish.read_bytes()) for wish in pending(path)]


def test_more_trials_are_wished_for(search: Path) -> None:
    assert labtui("extend", "mine", "5").exit_code == 0
    assert wishes(search) == [{"more": 5}]
    assert labtui("extend", "mine", "0").exit_code == 2


def test_a_trial_by_hand_is_checked_then_wished_for(search: Path) -> None:
    done = labtui("enqueue", "mine", "num_hidden_layers=3", "learning_rate=0.002", "sampler=random")
    assert done.exit_code == 0
    assert wishes(search) == [{"try": {"num_hidden_layers": 3, "learning_rate": 0.002, "sampler": "random"}}]
    wrong = labtui("enqueue", "mine", "num_hidden_layers=9", "learning_rate=0.002")
    assert wrong.exit_code == 2
    assert "num_hidden_layers cannot be 9; it is one of 1, 2, 3" in wrong.output
    assert "written NAME=VALUE" in labtui("enqueue", "mine", "depth").output
    assert len(wishes(search)) == 1


def test_a_cancelled_search_and_a_sweep_take_no_wishes(search: Path) -> None:
    ask(search, "cancel")
    assert "is cancelled" in labtui("extend", "mine", "5").output
    config = {"widths": [4]}
    create_run(experiment="quantize", config=config, points=[{"mode": "ptq"}], versions={}, name="sweep")
    assert "whose points were all known at launch" in labtui("extend", "sweep", "5").output
    assert "has no study" in labtui("export", "sweep", "--optuna", "sqlite:///x.db").output


def test_a_study_is_exported(search: Path, tmp_path: Path) -> None:
    import optuna

    url = f"sqlite:///{tmp_path / 'study.db'}"
    done = labtui("export", "mine", "--optuna", url)
    assert done.exit_code == 0
    name = f"{search.name} random, plain, seed 0"
    assert name in done.output
    (trial,) = optuna.load_study(study_name=name, storage=url).get_trials()
    assert (trial.params, trial.value) == ({"num_hidden_layers": 2, "learning_rate": 0.001}, 0.8)
    assert labtui("export", "mine", "--optuna", url).exit_code == 2
