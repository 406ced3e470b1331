"""What people ask of a run: in place, one at a time, read whatever else stands there."""

import os
import threading
from pathlib import Path
from typing import get_args

import pytest

from engine.errors import InputError
from engine.runtime import requests
from engine.runtime.requests import Request, Want, ask, asking, read_request


def test_requests_are_read_back_and_counted(tmp_path: Path) -> None:
    assert read_request(tmp_path) == Request("run", 0)
    for number, want in enumerate(get_args(Want), start=1):
        ask(tmp_path, want)
        assert read_request(tmp_path) == Request(want, number)
    ask(tmp_path, "cancel")
    assert read_request(tmp_path) == Request("cancel", 4)


@pytest.mark.parametrize("want", get_args(Want))
def test_the_file_of_older_versions_is_read(tmp_path: Path, want: Want) -> None:
    (tmp_path / "want").write_text(f"{want}\n")
    assert read_request(tmp_path) == Request(want, 0)
    ask(tmp_path, "pause")
    assert read_request(tmp_path) == Request("pause", 1)


def test_a_request_is_written_in_place(tmp_path: Path) -> None:
    ask(tmp_path, "run")
    before = (tmp_path / "want").stat()
    ask(tmp_path, "cancel")
    after = (tmp_path / "want").stat()
    assert (before.st_ino, before.st_size, before.st_blocks) == (after.st_ino, after.st_size, after.st_blocks)
    assert [path.name for path in tmp_path.iterdir()] == ["want"]
    assert after.st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"\xff explode", b"cancelled", b"cancel -1", b"cancel 1 1", b"run" * 100])
def test_what_cannot_be_read_asks_for_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "want").write_bytes(content)
    assert read_request(tmp_path) == Request()


def test_what_is_no_file_makes_room_for_one(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("cancel")
    for number, make in enumerate((Path.mkdir, os.mkfifo, lambda path: path.symlink_to(outside))):
        folder = tmp_path / str(number)
        folder.mkdir()
        make(folder / "want")
        assert read_request(folder) == Request()
        ask(folder, "pause")
        assert read_request(folder) == Request("pause", 1)
    assert outside.read_text() == "cancel"


def test_one_request_at_a_time(tmp_path: Path) -> None:
    ask(tmp_path, "run")

    def count() -> None:
        for _ in range(50):
            ask(tmp_path, "run")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_request(tmp_path).number == 201


def test_a_desk_that_is_never_left_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_PATIENCE_SECONDS", 0.0)
    with asking(tmp_path), pytest.raises(InputError, match="another process has been changing"):
        ask(tmp_path, "cancel")
