"""A full disk: the child waits, the driver says so, both go on when there is room."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.runtime import control
from engine.runtime.files import free_bytes, write_durably
from engine.runtime.lock import read_info
from tests.faults.helpers import assert_sound, processes, toy_run, wait_for, wait_until_idle


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir(mode=0o700)
    options = "size=2m,mode=0700"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    monkeypatch.setenv("LABTUI_HOME", str(folder / "labtui"))
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _fill(folder: Path) -> Path:
    path = folder / "filler"
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4096):
            continue
    assert free_bytes(folder) == 0
    return path


def _drive(path: Path) -> "subprocess.Popen[bytes]":
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(entry or "." for entry in sys.path)}
    return subprocess.Popen([sys.executable, "-m", "tests.faults.driver", str(path)], env=environment)


def test_full_disk_holds_everything_up_until_there_is_room(small_disk: Path) -> None:
    path = toy_run(["work"] * 3, steps=200, pause=0.002)
    driver = _drive(path)
    log = path / "attempts" / "0000.1.jsonl"
    wait_for(lambda: log.exists() and log.stat().st_size > 1000, "a child at work")
    child = processes(path)["child"]
    filler = _fill(small_disk)
    wait_for(lambda: "disk is full" in read_info(path).problem, "the driver to say so")
    wait_for(lambda: log.stat().st_size % 4096 == 0, "a log that stops where its last page ends")
    assert processes(path)["child"] == child
    filler.unlink()
    assert driver.wait(60) == 0
    run = assert_sound(path)
    assert run.state == "finished"
    assert run.problem == ""
    assert [point.attempt for point in run.points] == [1, 1, 1]


def test_cancel_works_on_a_full_disk(small_disk: Path) -> None:
    path = toy_run(["work"] * 3, steps=5000, pause=0.002)
    (path / "want").write_text("run\n")
    driver = _drive(path)
    wait_for(lambda: processes(path)["child"], "a child")
    filler = _fill(small_disk)
    wait_for(lambda: "disk is full" in read_info(path).problem, "the driver to say so")
    with pytest.raises(OSError, match="No space"):  # a wish needs a few bytes
        control.cancel(path)
    with filler.open("r+b") as file:
        file.truncate(filler.stat().st_size - 4096)
    (path / "want").write_text("cancel\n")
    assert driver.wait(60) == 0
    assert wait_until_idle(path).state == "cancelled"


def test_nothing_starts_while_little_is_free(small_disk: Path) -> None:
    path = toy_run(["work"] * 2)
    filler = _fill(small_disk)
    with filler.open("r+b") as file:
        file.truncate(filler.stat().st_size - (256 << 10))
    driver = _drive(path)
    wait_for(lambda: "disk" in read_info(path).problem, "the driver to say so")
    wait_for(lambda: processes(path)["host"], "a host")
    assert not list((path / "attempts").iterdir())
    filler.unlink()
    assert driver.wait(60) == 0
    assert_sound(path)


def test_tensors_wait_for_room(small_disk: Path) -> None:
    path, tensors, tries = small_disk / "tensors", {"a": torch.arange(100_000)}, threading.Semaphore(0)

    def write(partial: Path) -> None:
        try:
            save_file(tensors, partial)
        finally:
            tries.release()

    filler = _fill(small_disk)
    writer = threading.Thread(target=write_durably, args=(path, write), daemon=True)
    writer.start()
    assert tries.acquire(timeout=60)
    assert tries.acquire(timeout=60), "a second try"
    assert not path.exists()
    filler.unlink()
    writer.join(60)
    assert torch.equal(load_file(path)["a"], tensors["a"])
