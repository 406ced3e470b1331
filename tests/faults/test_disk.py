"""A full disk: the child waits, the driver says so, both go on when there is room."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from engine.errors import InputError
from engine.models.cache import cached
from engine.runtime import control
from engine.runtime.files import free_bytes, has_inodes, write_durably
from engine.runtime.home import home
from engine.runtime.lock import read_info
from engine.runtime.runs import list_runs, read_run
from tests.faults.helpers import assert_sound, interrupted, processes, toy_run, wait_for, wait_until_idle
from tui_app.command.main import cli

RESERVE = 512 << 10
INODES = 120


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir(mode=0o700)
    options = f"size=2m,nr_inodes={INODES},mode=0700"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    monkeypatch.setenv("LABTUI_HOME", str(folder / "labtui"))
    yield folder
    with suppress(InputError, OSError):
        for path in list_runs():
            with suppress(InputError):
                control.cancel(path)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _fill(folder: Path) -> Path:
    """All bytes and all inodes."""
    path = folder / "filler"
    path.mkdir()
    with (path / "bytes").open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4096):
            continue
    with suppress(OSError):
        for number in range(INODES):
            (path / str(number)).touch()
    assert free_bytes(folder) == 0
    assert not has_inodes(folder)
    return path


def test_full_disk_holds_everything_up_until_there_is_room(small_disk: Path) -> None:
    path = toy_run(["work"] * 3, steps=200, pause=0.002, reserve=RESERVE)
    control.start(path)
    log = path / "attempts" / "0000.1.jsonl"
    wait_for(lambda: log.exists() and log.stat().st_size > 1000, "a child at work")
    child = processes(path)["child"]
    filler = _fill(small_disk)
    wait_for(lambda: "disk is full" in read_info(path).problem, "the driver to say so")
    wait_for(lambda: log.stat().st_size % 4096 == 0, "a log that stops where its last page ends")
    assert processes(path)["child"] == child
    shutil.rmtree(filler)
    wait_until_idle(path)
    run = assert_sound(path)
    assert run.state == "finished"
    assert run.problem == ""
    assert [point.attempt for point in run.points] == [1, 1, 1]


def test_a_run_is_paused_resumed_cancelled_and_removed_without_a_free_byte(small_disk: Path) -> None:
    path = toy_run(["work"] * 3, steps=5000, pause=0.002, reserve=RESERVE)
    other = toy_run(["work"] * 2, steps=10, pause=0.01, reserve=RESERVE)
    interrupted(other, 1)
    control.start(path)
    wait_for(lambda: processes(path)["child"], "a child")
    filler = _fill(small_disk)
    wait_for(lambda: "disk is full" in read_info(path).problem, "the driver to say so")
    control.pause(path)
    wait_for(lambda: read_run(path).pausing, "the pause to be seen")
    control.resume(path)
    assert control.cancel(path) == "cancelled"
    assert wait_until_idle(path).state == "cancelled"
    control.remove(path)
    assert list_runs() == [other]
    assert not [one for one in other.parent.iterdir() if one != other]
    filler.mkdir(exist_ok=True)
    with (filler / "more").open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4096):
            continue
    control.resume(other)
    wait_for(lambda: "disk" in read_info(other).problem, "a driver that waits")
    control.pause(other)
    assert wait_until_idle(other).state == "paused"
    shutil.rmtree(filler)
    control.resume(other)
    wait_until_idle(other)
    assert_sound(other)


def test_a_run_without_a_driver_is_cancelled_without_a_free_byte(small_disk: Path) -> None:
    path = toy_run(["work"] * 3, reserve=RESERVE)
    _fill(small_disk)
    control.pause(path)
    assert read_run(path).state == "paused"
    assert control.cancel(path) == "cancelled"
    with pytest.raises(InputError, match="cancelled already"):
        control.resume(path)
    with pytest.raises(OSError, match="No space"):
        toy_run(["work"])
    assert list_runs() == [path]
    control.remove(path)
    assert list_runs() == []


def test_requests_need_no_new_byte_of_any_file_system() -> None:
    """Where nothing can be mounted: a process that may not make any file longer than a request."""
    path = toy_run(["work"] * 3)
    code = (
        "import resource, sys, pathlib, engine.runtime.control as c\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))\n"
        "print(c.pause(pathlib.Path(sys.argv[1])), c.cancel(pathlib.Path(sys.argv[1])))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(entry or "." for entry in sys.path)}
    ended = subprocess.run([sys.executable, "-c", code, str(path)], env=environment, capture_output=True, text=True)
    assert ended.stdout == "None cancelled\n", ended.stderr
    assert read_run(path).state == "cancelled"


def test_nothing_starts_while_little_is_free(small_disk: Path) -> None:
    path = toy_run(["work"] * 2, reserve=1536 << 10)
    filler = _fill(small_disk)
    (filler / "bytes").unlink()
    (small_disk / "more").write_bytes(bytes(free_bytes(small_disk) - (1200 << 10)))
    shutil.rmtree(filler)
    control.start(path)
    wait_for(lambda: "disk is nearly full" in read_info(path).problem, "the driver to say so")
    wait_for(lambda: processes(path)["host"], "a host")
    assert not list((path / "attempts").iterdir())
    (small_disk / "more").unlink()
    wait_until_idle(path)
    assert_sound(path)


def test_exhausted_inodes_are_reported(small_disk: Path) -> None:
    path = toy_run(["work"] * 2, reserve=RESERVE)
    filler = _fill(small_disk)
    (filler / "bytes").unlink()
    control.start(path)
    wait_for(lambda: "no inode left" in read_info(path).problem, "the driver to say so")
    shutil.rmtree(filler)
    wait_until_idle(path)
    assert_sound(path)


def test_the_cache_waits_for_room_and_goes_on(small_disk: Path) -> None:
    home()
    filler, told = _fill(small_disk), threading.Event()
    made: list[Path] = []

    def make(folder: Path) -> None:
        np.save(folder / "array.npy", np.zeros(100_000))

    def work() -> None:
        made.append(cached("deep/thing", make, lambda done, total, text: told.set()))

    maker = threading.Thread(target=work, daemon=True)
    maker.start()
    assert told.wait(60)
    assert not made
    shutil.rmtree(filler)
    maker.join(60)
    assert np.load(made[0] / "array.npy").shape == (100_000,)


def test_a_read_only_disk_is_named(small_disk: Path) -> None:
    path = toy_run(["work"], reserve=RESERVE)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for words in (["run", "quantize", "--set", "widths=4"], ["rm", path.name, "--yes"], ["resume", path.name]):
        result = CliRunner().invoke(cli, words)
        assert isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code
        assert result.output.startswith("labtui: "), result.output
    for words in (["runs"], ["show", path.name], ["logs", path.name]):
        assert CliRunner().invoke(cli, words).exit_code == 0
    assert "read-only file system; set LABTUI_HOME" in CliRunner().invoke(cli, ["rm", path.name, "--yes"]).output


def test_a_run_that_does_not_fit_is_refused_before_it_starts(small_disk: Path) -> None:
    result = CliRunner().invoke(cli, ["run", "quantize", "--set", "widths=4"])
    assert result.exit_code == 2
    assert "the run needs about" in result.output
    assert "2.10 MB are free" in result.output
    assert list_runs() == []


def test_tensors_wait_for_room(small_disk: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

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
    shutil.rmtree(filler)
    writer.join(60)
    assert torch.equal(load_file(path)["a"], tensors["a"])
