"""The digest of a file follows its bytes, whatever is remembered of it."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from engine.models import digests
from engine.models.digests import digest_of, fingerprint
from engine.runtime.home import cache_dir


def settled(path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that was written long enough ago to be remembered."""
    path.write_bytes(content)
    now = time.time()
    monkeypatch.setattr(digests.time, "time", lambda: now + 60)
    return path


def plain(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes()).hexdigest()


def test_an_unchanged_file_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = settled(tmp_path / "data", b"one", monkeypatch)
    first = digest_of(path)
    assert first == plain(path)
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("read again"))
    assert digest_of(path) == first


@pytest.mark.parametrize("same_times", [False, True])
def test_changed_bytes_change_the_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, same_times: bool) -> None:
    """Also where size and time of modification are put back to what they were."""
    path = settled(tmp_path / "data", b"one", monkeypatch)
    digest_of(path)
    facts = path.stat()
    path.write_bytes(b"two")
    if same_times:
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert digest_of(path) == plain(path)


def test_a_file_that_has_just_changed_is_not_trusted(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"one")
    assert digest_of(path) == plain(path)
    assert not list((cache_dir() / "digests").iterdir())


def test_a_damaged_note_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = settled(tmp_path / "data", b"one", monkeypatch)
    digest_of(path)
    (note,) = (cache_dir() / "digests").iterdir()
    for content in (b"", b"[]", b'{"stamp": 1}', b"\xff"):
        note.write_bytes(content)
        assert digest_of(path) == plain(path)


def test_a_fingerprint_follows_settings_and_files(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"1")
    two.write_bytes(b"2")
    found = [fingerprint(1, [one]), fingerprint(2, [one]), fingerprint(1, [two]), fingerprint(1, [one, two])]
    assert len({*found, fingerprint(1), fingerprint(1, [two, one])}) == 6
    assert fingerprint(1, [one]) == found[0]
