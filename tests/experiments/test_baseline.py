"""The baseline is measured once for the same model, texts and way of measuring, whatever the number of runs."""

from pathlib import Path
from typing import Any

import pytest
import torch

from engine.experiments.shared import workbench
from engine.experiments.shared.config import TaskConfig
from engine.experiments.shared.measured import Baseline
from engine.experiments.shared.scored import TEST, VALIDATION
from engine.experiments.shared.workbench import BASELINE_OUTCOMES, Workbench
from engine.models import weights
from engine.runtime.context import RecordingContext
from tests.experiments.small_pair import make_pair


@pytest.fixture
def pair(tmp_path: Path) -> dict[str, str]:
    return make_pair(tmp_path / "pair")


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows with each measure that is made."""
    made: list[str] = []
    measure = Workbench.measure

    def counted(self: Workbench, *more: Any) -> Any:
        made.append(self.config.model)
        return measure(self, *more)

    monkeypatch.setattr(workbench.Workbench, "measure", counted)
    return made


def baseline(folder: Path, threads: int = 1, **settings: Any) -> tuple[Baseline, dict[str, torch.Tensor]]:
    folder.mkdir()
    context = RecordingContext(folder, threads=threads)
    found, outcomes = Workbench(TaskConfig(max_length=16, **settings), context, lambda *_: None).baseline()
    assert context.notes["baseline"] == found.to_record()
    assert (folder / "artifacts" / BASELINE_OUTCOMES).is_file(), "a run keeps its own, whatever becomes of the cache"
    return found, outcomes


def test_another_run_finds_it(pair: dict[str, str], tmp_path: Path, measured: list[str]) -> None:
    first, second = baseline(tmp_path / "1", **pair), baseline(tmp_path / "2", **pair)
    assert first[0] == second[0]
    assert all(torch.equal(first[1][name], second[1][name]) for name in (TEST, VALIDATION))
    assert len(measured) == 1


@pytest.mark.parametrize(
    "change", [{"batch_size": 8}, {"max_length": 8}, {"eval_samples": 20}, {"seed": 1}, {"threads": 2}]
)
def test_another_way_of_measuring_is_measured(
    pair: dict[str, str], tmp_path: Path, measured: list[str], change: dict[str, int]
) -> None:
    baseline(tmp_path / "1", **pair)
    settings = {"max_length": 16} | change
    folder = tmp_path / "2"
    folder.mkdir()
    context = RecordingContext(folder, threads=settings.pop("threads", 1))
    Workbench(TaskConfig(**pair, **settings), context, lambda *_: None).baseline()
    assert len(measured) == 2


@pytest.mark.parametrize("part", ["model", "data"])
def test_changed_files_are_measured(pair: dict[str, str], tmp_path: Path, measured: list[str], part: str) -> None:
    baseline(tmp_path / "1", **pair)
    if part == "data":
        file = Path(pair["data"]) / "test.csv"
        file.write_text(file.read_text() + "a lovely film,1\n")
    else:
        from safetensors.torch import load_file, save_file

        file = Path(pair["model"]) / "model.safetensors"
        save_file({name: tensor * 1.5 for name, tensor in load_file(file).items()}, file, {"format": "pt"})
    baseline(tmp_path / "2", **pair)
    assert len(measured) == 2


def test_a_model_made_on_first_use_is_there_before_its_files_are_looked_at(
    pair: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The built-in model, a GGUF file, a model of the hub: nothing lies on this machine until it is loaded."""
    bench = Workbench(TaskConfig(max_length=16, **pair), RecordingContext(tmp_path), lambda *_: None)
    monkeypatch.setattr(weights, "folder_of", lambda source: Path(source) if "subject" in vars(bench) else None)
    assert bench.baseline()[0].samples > 0
