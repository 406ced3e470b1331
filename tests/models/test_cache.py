import multiprocessing
import time
from pathlib import Path

import pytest

from engine.models.cache import cached
from engine.runtime.home import cache_dir


def slow_make(folder: Path) -> None:
    time.sleep(0.2)
    (folder / "made").touch()
    with (cache_dir() / "count").open("a") as file:
        file.write("x")


def ask() -> None:
    assert (cached("things/one", slow_make) / "made").is_file()


def test_processes_that_ask_together_make_it_once(state: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=ask) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert (cache_dir() / "count").read_text() == "x"


def test_what_fails_leaves_nothing_and_is_made_again() -> None:
    def broken(folder: Path) -> None:
        (folder / "half").touch()
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        cached("thing", broken)
    assert not (cache_dir() / "thing").exists()
    folder = cached("thing", lambda folder: (folder / "whole").touch())
    assert [path.name for path in folder.iterdir()] == ["whole"]
