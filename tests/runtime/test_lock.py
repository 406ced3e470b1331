import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.runtime.device_lock import DeviceClaim, PlaceClaim
from engine.runtime.lock import LockInfo, RunLock, create_lock, is_locked, lock_held, read_info
from engine.runtime.processes import Identity, boot_id, kill_group


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    create_lock(tmp_path)
    assert not lock_held(tmp_path)
    lock = RunLock.take(tmp_path)
    assert lock is not None
    assert lock_held(tmp_path)
    assert RunLock.take(tmp_path) is None
    lock.release()
    assert not lock_held(tmp_path)


def test_inherited_lock_outlives_its_taker(tmp_path: Path) -> None:
    lock = RunLock.take(tmp_path)
    assert lock is not None
    process = subprocess.Popen(["sleep", "600"], pass_fds=(lock.descriptor,))
    lock.release()
    assert lock_held(tmp_path)
    process.kill()
    process.wait()
    assert not lock_held(tmp_path)


def test_info_is_rewritten_in_place(tmp_path: Path) -> None:
    create_lock(tmp_path)
    assert read_info(tmp_path) == LockInfo()
    lock = RunLock.take(tmp_path)
    assert lock is not None
    before = (tmp_path / "lock").stat()
    info = LockInfo(12, 34, "boot", 5.5, "p" * 5000, ((1, 2), (3, 4)))
    lock.write(info)
    after = (tmp_path / "lock").stat()
    assert (before.st_ino, before.st_size) == (after.st_ino, after.st_size) == (after.st_ino, 4096)
    assert read_info(tmp_path) == LockInfo(12, 34, "boot", 5.5, "p" * 1000, ((1, 2), (3, 4)))
    lock.write(LockInfo(problem="é\x1b[31m" * 300))
    assert read_info(tmp_path).problem == "é" * 300


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 4096, b"[]", b'{"pid": 1}', b'{"hosts": [[]]}', b'{"hosts":[],"x":1}']
)
def test_unreadable_info_is_blank(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lock").write_bytes(content)
    assert read_info(tmp_path) == LockInfo()


def test_missing_lock_is_free(tmp_path: Path) -> None:
    assert not lock_held(tmp_path)
    assert read_info(tmp_path) == LockInfo()


def test_identity_is_more_than_a_pid() -> None:
    me = Identity.of(os.getpid())
    assert me is not None
    assert me.alive
    assert not Identity(me.pid, me.start + 1, me.boot).alive
    assert not Identity(me.pid, me.start, "another boot").alive
    assert not kill_group(Identity(me.pid, me.start + 1, boot_id()))
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert Identity.of(process.pid) is None, "a zombie is dead"
    process.wait()
    assert Identity.of(process.pid) is None


def test_first_come_first_served(tmp_path: Path) -> None:
    claims = [DeviceClaim(tmp_path, "GPU-1/0", run) for run in ("a", "b", "c")]
    assert not claims[1].take()
    assert claims[0].take()
    assert claims[0].take(), "taking twice is harmless"
    assert claims[1].waits_for == "waiting for GPU-1/0, used by a"
    claims[0].release()
    assert not claims[2].take()
    claims[1].release()
    assert claims[2].take()
    claims[2].release()
    assert [path.name for path in tmp_path.iterdir()] == ["GPU-1_0.lock"]


def test_several_devices_are_taken_in_one_order_so_that_nobody_waits_in_a_circle(tmp_path: Path) -> None:
    first, second = PlaceClaim(tmp_path, "B,A", "first"), PlaceClaim(tmp_path, "A,B", "second")
    third = DeviceClaim(tmp_path, "B", "third")
    assert not first.take()
    assert len(first.descriptors) == 1
    assert not second.take()
    assert (first.waits_for, second.waits_for) == ("waiting for B", "waiting for A, used by first")
    assert third.take(), "who waits for a device stands in no line for those after it"
    third.release()
    assert first.take()
    assert len(first.descriptors) == 2
    first.release()
    assert second.take()
    second.release()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["A.lock", "B.lock"]


def test_a_dead_drivers_ticket_holds_nobody_up(tmp_path: Path) -> None:
    code = "import os, sys, pathlib; from engine.runtime.device_lock import DeviceClaim as C\n"
    code += "c = C(pathlib.Path(sys.argv[1]), 'cpu', 'dead'); os.kill(os.getpid(), 9)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(entry or "." for entry in sys.path)}
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, check=False)
    assert len(list(tmp_path.glob("*.ticket"))) == 1
    claim = DeviceClaim(tmp_path, "cpu", "b")
    assert claim.take()
    claim.release()


def test_a_probe_is_not_taken_for_a_holder(tmp_path: Path) -> None:
    path = tmp_path / "any"
    assert not is_locked(path)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)  # as a probe does
        assert not is_locked(path)
        fcntl.flock(file, fcntl.LOCK_EX)
        assert is_locked(path)
