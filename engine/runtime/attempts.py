"""Attempt logs, the truth about a run: one file per attempt of a task, one line per event, only ever appended to."""

import errno
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.runtime.checks import are_mappings, are_points, is_mapping, is_name, is_number, is_point, is_text, is_time
from engine.runtime.encoding import dumps, loads
from engine.runtime.files import open_private, open_regular, patiently, sync_folder, write_patiently

_NAME = re.compile(r"([0-9]{1,9}(?:-[0-9]{1,9})?)\.([0-9]{1,9})\.jsonl")
_CHUNK = 1 << 22
_LONGEST_LINE = 1 << 26
_NEEDED: dict[str, dict[str, Callable[[Any], bool]]] = {
    "start": {"points": are_points, "device": is_name, "params": lambda value: value is None or are_mappings(value)},
    "metric": {"key": is_name, "step": is_number, "value": is_number},
    "progress": {"done": is_number, "total": is_number, "text": is_text},
    "failed": {"type": is_text, "message": is_text},
    "checkpoint": {"step": is_point},
    "trial": {"params": is_mapping},
    "more": {"first": is_point, "points": are_mappings},
}
"""What the data of an event must hold, by kind."""
_OF_THE_RUN = ("start", "note", "more")
_TRIALS = "trials"
POINTS = "points"
"""The folder of what points make, among the artifacts of a run."""
DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Event:
    """One line. `point` is None for what concerns the whole task or run; a line that cannot be read is `damaged`."""

    ts: float
    kind: str
    point: int | None
    data: dict[str, Any]


def task_name(points: Sequence[int]) -> str:
    """`0004` for one point, `0004-0007` for several."""
    return f"{points[0]:04d}" if len(points) == 1 else f"{points[0]:04d}-{points[-1]:04d}"


@dataclass(frozen=True, slots=True, order=True)
class AttemptFile:
    """One attempt log. They sort so that the attempts of a point come in the order they were made."""

    attempt: int
    task: str
    path: Path

    @property
    def log(self) -> Path:
        """The raw output of the same attempt."""
        return self.path.parent.parent / "logs" / f"{self.task}.{self.attempt}.log"

    def may_hold(self, point: int) -> bool:
        """Whether the task's range of points covers this one."""
        first, _, last = self.task.partition("-")
        return self.task != _TRIALS and int(first) <= point <= int(last or first)

    @classmethod
    def of(cls, directory: Path, task: str, attempt: int) -> "AttemptFile":
        """Where attempt `attempt` of a task is logged."""
        return cls(attempt, task, directory / "attempts" / f"{task}.{attempt}.jsonl")


def trials_file(directory: Path) -> AttemptFile:
    """The log in which the driver of a search says what its points are: read as attempt 0, before all others."""
    return AttemptFile(0, _TRIALS, directory / "trials.jsonl")


def attempt_files(directory: Path) -> list[AttemptFile]:
    """All logs of a run, sorted."""
    folder, trials = directory / "attempts", trials_file(directory)
    found = [(match, path) for path in folder.glob("*.jsonl") if (match := _NAME.fullmatch(path.name))]
    logs = sorted(AttemptFile(int(match[2]), match[1], path) for match, path in found)
    return [trials, *logs] if trials.path.exists() else logs


def log_sizes(directory: Path) -> dict[tuple[str, int], int]:
    """How many bytes each attempt log holds, by task and attempt."""
    return {(file.task, file.attempt): file.path.lstat().st_size for file in attempt_files(directory)}


def read_events(path: Path, offset: int = 0) -> tuple[list[Event], int]:
    """Whole lines from byte `offset` on, at most about 4 MiB of them, and the offset after them.

    A last line without newline is torn or still being written: it is left for later. OSError for what is no regular
    file, or has a line that never ends.
    """
    try:
        descriptor = open_regular(path)
    except FileNotFoundError:
        return [], offset
    with os.fdopen(descriptor, "rb") as file:
        file.seek(offset)
        pieces: list[bytes] = []
        while piece := file.read(_CHUNK):
            pieces.append(piece)
            if b"\n" in piece:
                break
            if len(pieces) * _CHUNK >= _LONGEST_LINE:
                raise OSError(errno.EFBIG, f"a line longer than {_LONGEST_LINE:,} bytes", str(path))
    data = b"".join(pieces)
    end = data.rfind(b"\n") + 1
    return events_in(data[:end]), offset + end


def events_in(lines: bytes) -> list[Event]:
    """What whole lines of a log say."""
    return [_parsed(line) for line in lines.splitlines()]


def first_event(path: Path) -> Event | None:
    """What the first line says; None where it is missing or torn."""
    try:
        descriptor = open_regular(path)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        line = file.readline(_LONGEST_LINE)
    return _parsed(line) if line.endswith(b"\n") else None


def point_folder(directory: Path, point: int) -> Path:
    """Where a point keeps what it made: its model, a trace."""
    return directory / "artifacts" / POINTS / str(point)


def checkpoint_folder(directory: Path, point: int) -> Path:
    """Where a point's last checkpoint lies, a file named after its step."""
    return directory / "artifacts" / "checkpoints" / str(point)


def drop_checkpoints(directory: Path, point: int, but: int | None = None) -> None:
    """Removes what a point kept to go on from: nothing is left of it once the point has ended, else one step."""
    folder = checkpoint_folder(directory, point)
    if but is None:
        shutil.rmtree(folder, ignore_errors=True)
    for other in folder.iterdir() if folder.is_dir() else ():
        if other.name != str(but):
            other.unlink(missing_ok=True)


def resumable(directory: Path, point: int) -> tuple[Path, list[Event]] | None:
    """The last checkpoint of a point that is still there, and the point's metrics up to it with its own line last."""
    for file in reversed(attempt_files(directory)):
        if not file.may_hold(point):
            continue
        lines: list[Event] = []
        offset, end = -1, 0
        while end != offset:
            offset = end
            events, end = read_events(file.path, offset)
            lines += (event for event in events if event.point == point and event.kind in ("metric", "checkpoint"))
        while lines and lines[-1].kind != "checkpoint":
            lines.pop()
        if lines and (path := checkpoint_folder(directory, point) / str(lines[-1].data["step"])).is_file():
            return path, [line for line in lines[:-1] if line.kind == "metric"] + lines[-1:]
    return None


def _parsed(line: bytes) -> Event:
    try:
        found = loads(line)
        event = Event(float(found["ts"]), str(found["kind"]), found["point"], dict(found["data"]))
        if _fits(event):
            return event
    except (ValueError, KeyError, TypeError, OverflowError):
        pass
    return Event(0.0, DAMAGED, None, {})


def _fits(event: Event) -> bool:
    """Whether an event has what its readers take from it, in a form that the index can hold."""
    needed = _NEEDED.get(event.kind, {})
    whole = (
        is_time(event.ts) and is_name(event.kind) and all(check(event.data.get(key)) for key, check in needed.items())
    )
    return whole and (is_point(event.point) or (event.point is None and event.kind in _OF_THE_RUN))


class AttemptLog:
    """The child's end of one attempt log. Safe to share between threads."""

    def __init__(self, descriptor: int):
        self._descriptor = descriptor
        self._lines = 0
        self._guard = threading.Lock()

    @classmethod
    def create(cls, path: Path) -> "AttemptLog":
        """A new file, its name on disk when this returns."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        log = cls(patiently(lambda: open_private(path, flags)))
        patiently(lambda: sync_folder(path.parent))
        return log

    def emit(self, kind: str, point: int | None, data: dict[str, Any], durable: bool = False) -> None:
        """Appends one line; when `durable`, it is on disk when this returns. Waits while the disk is full."""
        with self._guard:
            write_patiently(self._descriptor, _line(self._lines, kind, point, data))
            self._lines += 1
            if durable:
                patiently(lambda: os.fsync(self._descriptor))


def _line(number: int, kind: str, point: int | None, data: dict[str, Any]) -> bytes:
    return (dumps({"ts": time.time(), "n": number, "kind": kind, "point": point, "data": data}) + "\n").encode()


def append_events(path: Path, events: Iterable[tuple[str, int | None, dict[str, Any]]]) -> None:
    """Adds to a log whose writer is dead; its torn last line goes. On a full disk: OSError, and nothing added."""
    descriptor = open_private(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    try:
        found = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        whole, count = found.rfind(b"\n") + 1, found.count(b"\n")
        os.ftruncate(descriptor, whole)
        _append(descriptor, b"".join(_line(count + more, *event) for more, event in enumerate(events)), path)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def append_bytes(path: Path, data: bytes, durable: bool = False) -> None:
    """Adds what was written elsewhere, whole lines of a log say; when `durable`, it is on disk when this returns.

    On a full disk: OSError, and nothing added.
    """
    descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        _append(descriptor, data, path)
        if durable:
            os.fsync(descriptor)
            sync_folder(path.parent)
    finally:
        os.close(descriptor)


def _append(descriptor: int, data: bytes, path: Path) -> None:
    before = os.fstat(descriptor).st_size
    if os.write(descriptor, data) < len(data):
        os.ftruncate(descriptor, before)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
