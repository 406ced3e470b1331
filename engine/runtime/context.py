"""What an experiment's `run` is given: where it computes, and how it reports."""

import fcntl
import math
import os
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from engine.errors import InputError
from engine.runtime.attempts import POINTS, drop_checkpoints, resumable
from engine.runtime.encoding import dumps, loads
from engine.runtime.files import open_private, patiently, private_folder, read_private, replace, write_durably
from engine.runtime.processes import Identity
from engine.runtime.reasons import out_of_memory, reason
from engine.runtime.records import Params, Phase
from engine.runtime.scratch import Scratch

_PROGRESS_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Point:
    """One point to compute."""

    index: int
    params: Params


def described(error: BaseException) -> dict[str, str]:
    """What is recorded of an exception; of wrong input its sentence alone: where it was found out helps nobody."""
    if isinstance(error, InputError):
        return {"type": InputError.__name__, "message": reason(error), "traceback": ""}
    text = "".join(traceback.format_exception(error))
    return {"type": type(error).__name__, "message": reason(error), "traceback": text}


class Emit(Protocol):
    """Where reports go. When `durable`, the event is on disk when the call returns."""

    def __call__(self, kind: str, point: int | None, data: dict[str, Any], durable: bool = False) -> None:
        """Records one event."""


class Context:
    """The reporting end of a task. `directory` is the run's, `device` is `cpu` or `cuda:0`.

    With several GPUs for the task it is `cuda:0,cuda:1`: `devices` are those, and `device` is the first. `scratch` is
    memory that the tasks of a host share; None where there is none.
    """

    def __init__(
        self,
        emit: Emit,
        *,
        device: str,
        directory: Path,
        seed: int = 0,
        threads: int = 1,
        scratch: Scratch | None = None,
    ):
        self.devices = tuple(device.split(","))
        self.device = self.devices[0]
        self.directory = directory
        self.seed = seed
        self.threads = threads
        self.scratch = scratch
        self.done: set[int] = set()
        self._emit = emit
        self._last_progress: dict[int, float] = {}

    def metric(self, point: int, key: str, value: float, step: float) -> None:
        """One value of a curve. Never thinned; what is no number has no place on a curve."""
        if not math.isfinite(value):
            return
        self._emit("metric", point, {"key": key, "value": float(value), "step": float(step)})

    def progress(self, point: int, done: float, total: float, text: str = "", phase: Phase = Phase.WORKING) -> None:
        """How far a point is; at most ten a second are recorded, and the last one."""
        now = time.monotonic()
        if now - self._last_progress.get(point, 0.0) >= _PROGRESS_SECONDS or done >= total:
            self._last_progress[point] = now
            told = {"done": float(done), "total": float(total), "text": text, "phase": phase}
            self._emit("progress", point, told)

    def note(self, **facts: Any) -> None:
        """Facts about the whole run; a later fact of the same name takes its place."""
        self._emit("note", None, facts)

    def finish(self, point: int, result: Mapping[str, Any]) -> None:
        """The point is done: on disk when this returns, and never computed again."""
        self._end("finished", point, result)

    def prune(self, point: int, result: Mapping[str, Any]) -> None:
        """The point is given up for being no good; `result` says what is known. As final as `finish`."""
        self._end("pruned", point, result)

    @contextmanager
    def failing(self, points: Iterable[int], expected: type[Exception]) -> Iterator[None]:
        """An `expected` exception inside fails these points alone: the task goes on with its others."""
        try:
            yield
        except expected as error:
            traceback.print_exc()
            for point in points:
                self._end("failed", point, described(error))

    def _end(self, kind: str, point: int, result: Mapping[str, Any]) -> None:
        if point in self.done:
            raise RuntimeError(f"point {point} was finished twice")
        self._emit(kind, point, dict(result), durable=True)
        self.done.add(point)
        drop_checkpoints(self.directory, point)

    def checkpoint(self, point: int, step: int, write: Callable[[Path], object]) -> None:
        """Keeps what a point needs to go on from `step` if its process dies, in place of what it kept before.

        `write(path)` makes one file. Whole and on disk when this returns.
        """
        path = self.artifact("checkpoints", str(point), str(step))
        write_durably(path, write)
        self._emit("checkpoint", point, {"step": step}, durable=True)
        drop_checkpoints(self.directory, point, but=step)  # the line names this one: the others are of no use any more

    def resume(self, point: int) -> Path | None:
        """What the point's last `checkpoint` wrote, in whatever attempt; None where it begins at its beginning.

        Its curves up to there are recorded again, since of several attempts the latest counts.
        """
        found = resumable(self.directory, point)
        if found is None:
            return None
        path, lines = found
        for event in lines:
            self._emit(event.kind, point, event.data, durable=event.kind == "checkpoint")
        return path

    def kept_step(self, point: int) -> int:
        """The step from which `resume` would go on; 0 where it begins at its beginning."""
        found = resumable(self.directory, point)
        return 0 if found is None else int(found[0].name)

    def artifact(self, *parts: str) -> Path:
        """A path under the run's `artifacts`, its folders made. Raises ValueError for parts that lead outside."""
        if not parts or any(part in ("", ".", "..") or "/" in part or "\0" in part for part in parts):
            raise ValueError(f"{'/'.join(parts)!r} is not a path under artifacts")
        folder = private_folder(self.directory / "artifacts")
        for part in parts[:-1]:
            folder = private_folder(folder / part)
        return folder / parts[-1]

    def point_artifact(self, point: int, name: str) -> Path:
        """A path for what a point makes, its folder made."""
        return self.artifact(POINTS, str(point), name)

    def once(self, name: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What `shared` gives, noted under `name`."""
        value = self.shared(name, compute)
        self.note(**{name: value})
        return value

    def shared(self, name: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What `compute` returned the first time in this run, whatever the number of processes.

        What it raised is raised again, with the same message, for every further task of this host: nothing is computed
        twice in vain. A run that is resumed, by another host, tries it anew.
        """
        path = self.artifact("once", f"{name}.json")
        guard = patiently(lambda: open_private(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT))
        try:
            fcntl.flock(guard, fcntl.LOCK_EX)
            if not path.exists():
                failed = path.with_suffix(".failed")
                _raise_again(failed)
                try:
                    made = dumps(compute()).encode()
                except Exception as error:
                    _remember(failed, error)
                    raise
                patiently(lambda: replace(path, made))
            value: dict[str, Any] = loads(read_private(path))
        finally:
            os.close(guard)
        return value


def _raise_again(path: Path) -> None:
    """Raises InputError where this host has failed before, as `path` says."""
    if path.exists():
        failed = loads(read_private(path))
        if failed["host"] and failed["host"] == _host():
            raise InputError(failed["message"])


def _remember(path: Path, error: Exception) -> None:
    """Too little memory is no lasting failure: another task may have taken it."""
    if not out_of_memory(error):
        patiently(lambda: replace(path, dumps({"host": _host(), "message": reason(error)}).encode()))


def _host() -> list[Any]:
    """The process that this one was forked from, told apart from any other that had or will have its pid."""
    identity = Identity.of(os.getppid())
    return [] if identity is None else [identity.pid, identity.start, identity.boot]


class RecordingContext(Context):
    """Keeps what an experiment reports, for calling its `run` directly: no process, no log."""

    def __init__(self, directory: Path, *, device: str = "cpu", seed: int = 0, threads: int = 1):
        super().__init__(self._keep, device=device, directory=directory, seed=seed, threads=threads)
        self.results: dict[int, Mapping[str, Any]] = {}
        self.metrics: list[tuple[int, str, float, float]] = []
        self.steps: list[tuple[int, float, float, str]] = []
        self.notes: dict[str, Any] = {}
        self.errors: dict[int, Mapping[str, Any]] = {}

    def _keep(self, kind: str, point: int | None, data: dict[str, Any], durable: bool = False) -> None:
        if kind == "note":
            self.notes |= data
        elif point is not None and kind == "failed":
            self.errors[point] = data
        elif point is not None and kind in ("finished", "pruned"):
            self.results[point] = data
        elif point is not None and kind == "metric":
            self.metrics.append((point, data["key"], data["step"], data["value"]))
        elif point is not None and kind == "progress":
            self.steps.append((point, data["done"], data["total"], data["text"]))
