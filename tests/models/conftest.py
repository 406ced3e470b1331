"""Small sources that every test of this folder may use."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.models.builtin import model, reviews
from engine.training.train import TrainSettings


@pytest.fixture(scope="session")
def small_builtin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder for the built-in pair, made by the same code at a fraction of the size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reviews, "SIZES", {"train": 400, "validation": 60, "test": 80})
        patch.setattr(model, "SETTINGS", TrainSettings(steps=5, batch_size=16))
        yield tmp_path_factory.mktemp("home")


@pytest.fixture
def builtin(small_builtin: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of this test, with the small pair made once per session."""
    monkeypatch.setenv("LABTUI_HOME", str(small_builtin))
    return small_builtin
