import pytest

from tests.experiments.small_pair import make_pair


@pytest.fixture(scope="session")
def small_pair(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings of a tiny model and its data."""
    return make_pair(tmp_path_factory.mktemp("pair"))
