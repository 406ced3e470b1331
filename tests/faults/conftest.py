from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.runtime.lock import read_info
from engine.runtime.processes import Identity, kill_group
from engine.runtime.runs import list_runs
from tests.faults.helpers import kill


@pytest.fixture(autouse=True)
def no_survivors(state: Path) -> Iterator[None]:
    """Whatever a test leaves running is ended, by its own identity."""
    yield
    if state.exists():
        for path in list_runs():
            info = read_info(path)
            if info.driver.alive:
                kill([info.pid])
            for pid, start in info.hosts:
                kill_group(Identity(pid, start, info.boot))
