import errno
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


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError("100 requested and 7 written"),  # NumPy
        RuntimeError("I/O error: No space left on device (os error 28)"),  # safetensors
    ],
)
def test_a_full_disk_is_waited_for_by_those_who_can_be_told(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    free = iter([0, 0, 4096, 1 << 30])
    monkeypatch.setattr("engine.runtime.files.free_bytes", lambda path: next(free))
    monkeypatch.setattr("engine.runtime.files.time.sleep", lambda seconds: None)
    left, told = [error], []

    def make(folder: Path) -> None:
        assert list(folder.iterdir()) == []
        (folder / "made").write_bytes(bytes(100))
        if left:
            raise left.pop()

    folder = cached("deep/thing", make, lambda done, total, text: told.append(text))
    assert [path.name for path in folder.iterdir()] == ["made"]
    assert told == ["waiting: the disk is full"]
    assert list(free) == []
    left.append(error)
    with pytest.raises(type(error)):
        cached("deep/other", make)
