import errno
import os
import stat
from pathlib import Path

import pytest

from engine.runtime import files

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
