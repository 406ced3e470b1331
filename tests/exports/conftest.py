import pytest
import torch

from tests.experiments.small_pair import make_pair


@pytest.fixture(scope="session")
def small_pair(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings of a tiny text classifier and its data."""
    torch.manual_seed(0)
    return make_pair(tmp_path_factory.mktemp("pair"))
