import errno
import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.runtime import files
from engine.runtime.index import disk_full

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw,relatime shared:2 - nfs4 server:/home rw
31 30 8:2 / /home/local rw,relatime - xfs /dev/sdb1 rw
32 22 0:41 / /mnt/with\\040space rw shared:3 - fuse.sshfs host: rw
"""


@pytest.mark.parametrize(
    ("path", "network"),
    [
        ("/srv/x", False),
        ("/home/ann/x", True),
        ("/home/local/x", False),
        ("/homes", False),
        ("/mnt/with space/a", True),
    ],
)
def test_network_file_systems_are_known_by_the_mount_table(path: str, network: bool) -> None:
    assert files.on_network(Path(path), MOUNTS) is network


def test_replace_is_private_and_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "want"
    files.replace(target, b"one")
    files.replace(target, b"two")
    assert target.read_bytes() == b"two"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("secret")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(OSError, match="symbolic links"):
        files.read_private(tmp_path / "link")
    files.replace(tmp_path / "link", b"mine")
    assert (tmp_path / "real").read_text() == "secret"


def test_writing_goes_on_after_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    written = bytearray()
    answers = iter([3, errno.ENOSPC, errno.EDQUOT, 2, 100])

    def write(descriptor: int, data: memoryview) -> int:
        answer = next(answers)
        if answer in files.FULL:
            raise OSError(answer, os.strerror(answer))
        written.extend(data[:answer])
        return min(answer, len(data))

    monkeypatch.setattr(files.os, "write", write)
    monkeypatch.setattr(files.time, "sleep", lambda seconds: None)
    files.write_patiently(1, b"0123456789")
    assert written == b"0123456789"


def test_other_errors_are_not_waited_for() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        files.write_patiently(10**6, b"x")


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), RuntimeError("IoError: No space left on device")])
def test_a_durable_write_waits_for_room(tmp_path: Path, error: Exception) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    left = [error, error]

    def write(partial: Path) -> None:
        assert not partial.exists(), "what a failed try left behind is cleared away"
        partial.write_text("half")
        assert path.read_text() == "old"
        if left:
            raise left.pop()
        partial.write_text("whole")

    files.write_durably(path, write)
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_durable_write_passes_other_errors_on(tmp_path: Path) -> None:
    def write(partial: Path) -> None:
        raise RuntimeError("not that")

    with pytest.raises(RuntimeError, match="not that"):
        files.write_durably(tmp_path / "file", write)


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder"

    def writer(name: str) -> Callable[[Path], None]:
        def write(partial: Path) -> None:
            (partial / "deep").mkdir(parents=True)
            (partial / "deep" / name).touch()

        return write

    for name in ("a", "b"):
        (tmp_path / ".folder.partial").mkdir()  # left by a kill
        files.write_durably(path, writer(name))
        assert [file.name for file in path.rglob("*")] == ["deep", name]
        assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("code", "full"), [(errno.EDQUOT, True), (errno.EIO, False), (None, False)])
def test_a_quota_that_is_used_up_is_a_full_disk(
    code: int | None, full: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite calls both an I/O error, and the file system has room: the run was called damaged, to be removed."""

    def fsync(descriptor: int) -> None:
        if code is not None:
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fsync)
    failed = sqlite3.OperationalError("disk I/O error")
    failed.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
    assert disk_full(failed, tmp_path) is full
    failed.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    assert not disk_full(failed, tmp_path)
    assert not list(tmp_path.iterdir())
