"""A damaged index: readers fall back to the logs, the next driver makes it again."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.runtime import control
from engine.runtime.index import index_path
from engine.runtime.runs import RunReader, read_run
from tests.faults.helpers import assert_sound, finished, interrupted, toy_run, wait_for, wait_until_idle


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(os.urandom(100))


def random_pages(path: Path) -> None:
    dice = random.Random(5)
    with path.open("r+b") as file:
        for page in range(0, path.stat().st_size, 4096):
            if page == 0 or dice.random() < 0.5:
                file.seek(page + 100 * (page == 0))
                file.write(dice.randbytes(4096 - 100 * (page == 0)))


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def wal_cut(path: Path) -> None:
    wal = _beside(path, "-wal")
    if wal.exists():
        os.truncate(wal, wal.stat().st_size // 3)


def wal_gone(path: Path) -> None:
    _beside(path, "-wal").unlink(missing_ok=True)


def all_gone(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        _beside(path, suffix).unlink(missing_ok=True)


def another_database(path: Path) -> None:
    all_gone(path)
    path.write_bytes(b"not a database at all" * 500)


def a_link(path: Path) -> None:
    all_gone(path)
    path.symlink_to("/etc/passwd")


DAMAGES = [header, random_pages, truncated, emptied, wal_cut, wal_gone, all_gone, another_database, a_link]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_while_nobody_is_at_work(damage: Callable[[Path], None]) -> None:
    path = toy_run(["work"] * 5, steps=10, pause=0.005)
    before = interrupted(path, 2)
    damage(index_path(path))
    assert read_run(path, metrics=True) == before
    control.resume(path)
    wait_until_idle(path)
    assert assert_sound(path).state == "finished"


@pytest.mark.parametrize("damage", [header, random_pages, truncated, emptied, all_gone, another_database])
def test_damage_under_a_driver_and_a_reader(damage: Callable[[Path], None]) -> None:
    path = toy_run(["work"] * 6, steps=10, pause=0.01)
    control.start(path)
    reader = RunReader(path)
    wait_for(lambda: finished(path) >= 2, "two finished points")
    reader.poll()
    damage(index_path(path))
    wait_until_idle(path)
    last = reader.poll()
    reader.close()
    assert assert_sound(path) == last


@pytest.mark.parametrize("damage", [header, random_pages, truncated, emptied, all_gone])
def test_damage_to_a_finished_run(damage: Callable[[Path], None]) -> None:
    path = toy_run(["work"] * 3)
    control.start(path)
    before = wait_until_idle(path)
    damage(index_path(path))
    assert assert_sound(path) == before
