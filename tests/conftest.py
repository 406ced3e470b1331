"""Fixtures that every folder shares."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples on every run: a change is judged by what it changes. `--hypothesis-profile=explore` looks further.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile("same")

# As labtui's workers run: OpenMP threads that spin while they wait are many times slower on a busy machine. It is read
# when torch is loaded, so it stands here, before any test module.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

SHARED = Path(os.environ.get("LABTUI_SHARED", Path(__file__).parents[2] / "shared"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not _has_gpu():
        skip = pytest.mark.skip(reason="needs a CUDA device and a torch that uses it")
        for item in items:
            if "gpu" in item.keywords:
                item.add_marker(skip)


def _has_gpu() -> bool:
    if not any(Path("/dev").glob("nvidia[0-9]*")):
        return False
    import torch

    return torch.cuda.is_available()


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own, so that no test sees a user's runs."""
    folder = tmp_path / "labtui"
    monkeypatch.setenv("LABTUI_HOME", str(folder))
    return folder


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs {name} in $LABTUI_SHARED")
    return path


@pytest.fixture(scope="session")
def vectors() -> Path:
    """Reference vectors of the number formats."""
    return shared("vectors")


@pytest.fixture(scope="session")
def imdb() -> Path:
    """25,000 + 25,000 film reviews as Parquet."""
    return shared("data/imdb")


@pytest.fixture(scope="session")
def bert_tiny_imdb() -> Path:
    """A BERT-tiny fine-tuned on them."""
    return shared("models/bert-tiny-imdb")


@pytest.fixture(scope="session")
def builtin_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder whose cache holds the built-in pair, made once for all of the session's processes."""
    from engine.models.builtin import data_folder, model_folder

    session = tmp_path_factory.getbasetemp()
    made = (session.parent if "PYTEST_XDIST_WORKER" in os.environ else session) / "made" / "labtui"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABTUI_HOME", str(made))
        data_folder()
        model_folder()
    folder = tmp_path_factory.mktemp("builtin") / "labtui"
    shutil.copytree(made, folder)
    return folder


@pytest.fixture
def builtin(builtin_home: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder in which the built-in model and data are there already."""
    monkeypatch.setenv("LABTUI_HOME", str(builtin_home))
    return builtin_home
