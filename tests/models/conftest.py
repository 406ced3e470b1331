"""Small sources that every test of this folder may use."""

from pathlib import Path

import pytest

from engine.models.builtin import data_folder, model, model_folder, reviews
from engine.training.train import TrainSettings


@pytest.fixture(scope="session")
def small_builtin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with the built-in pair in its cache, made by the same code at a fraction of the size."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABTUI_HOME", str(folder))
        patch.setattr(reviews, "SIZES", {"train": 400, "validation": 60, "test": 80})
        patch.setattr(model, "SETTINGS", TrainSettings(steps=5, batch_size=16))
        data_folder()
        model_folder()
    return folder


@pytest.fixture
def builtin(small_builtin: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of this test, with the small pair made once per session."""
    monkeypatch.setenv("LABTUI_HOME", str(small_builtin))
    return small_builtin
