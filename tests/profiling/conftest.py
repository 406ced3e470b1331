import pytest

from cuda_kernels import timing
from tests.compress.conftest import bert, classifier
from tests.experiments.conftest import small_pair

__all__ = ["bert", "classifier", "small_pair"]


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a quiet moment: the times do not matter here."""
    monkeypatch.setattr(timing, "PATIENCE", 0)
