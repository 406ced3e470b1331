"""`trials.jsonl`: points of a search, whose parameters nobody knew at launch. The driver alone writes it.

A `trial` line gives a point its parameters, on disk before the point is dispatched; a `more` line adds points. What
people ask of a search lies in `wishes`, a file each, until a line that names it is on disk: kept through any crash,
and granted once.
"""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from engine.runtime.attempts import append_events, read_events, trials_file
from engine.runtime.encoding import dumps, loads
from engine.runtime.files import discard, open_private, patiently, private_folder, read_private, replace, sync_folder
from engine.runtime.index import Index
from engine.runtime.records import Params, RunRecord
from engine.runtime.spec import damaged

_REFUSED = (ValueError, KeyError, TypeError, AttributeError, OverflowError)


class Study(Protocol):
    """Where points get the parameters from that nobody knew at launch.

    What it says follows from the run's record alone: another one that is asked the same says the same.
    """

    def ask(self, index: int, run: RunRecord) -> Params | None:
        """All parameters of a queued point that has none yet; None while it has to wait for others to end."""

    def more(self, count: int, run: RunRecord) -> Sequence[Params]:
        """What stands for `count` more trials until they are asked for."""

    def place(self, wanted: Params, run: RunRecord) -> tuple[int, Params]:
        """The point that takes parameters given by hand, and all of its parameters; a new one where none is left."""


def wish(directory: Path, content: Mapping[str, Any]) -> None:
    """Leaves a wish to the driver of a search: `{"more": count}` or `{"try": params}`."""
    folder = private_folder(directory / "wishes")
    replace(folder / f"{time.time_ns():020d}-{os.getpid()}.json", dumps(content).encode())


def pending(directory: Path) -> list[Path]:
    """The wishes that are left, in the order in which they were made."""
    return sorted((directory / "wishes").glob("[0-9]*.json"))


def _content(path: Path) -> bytes:
    """ValueError for what is no file that anyone asked with."""
    try:
        return read_private(path)
    except OSError as error:
        raise ValueError(error.strerror) from None


class Trials:
    """The driver's end."""

    def __init__(self, directory: Path, study: Study):
        self._directory = directory
        self._study = study
        self._file = trials_file(directory)
        if not self._file.path.exists():
            patiently(lambda: os.close(open_private(self._file.path, os.O_RDWR | os.O_CREAT)))
            patiently(lambda: sync_folder(directory))
        self._checked = False
        self._granted: set[str] = set()
        end, start = 0, -1
        while end != start:
            start = end
            events, end = read_events(self._file.path, start)
            self._granted |= {event.data["wish"] for event in events if "wish" in event.data}

    def given(self, index: Index, points: Sequence[int]) -> int | None:
        """The first of these points that has its parameters, if need be asked for just now; None where all wait."""
        self._check(index)
        run: RunRecord | None = None
        for point in points:
            if index.asked(point):
                return point
            run = run or index.record("run", driven=True)
            params = self._study.ask(point, run)
            if params is not None:
                self._write(index, "trial", point, {"params": dict(params)})
                return point
        return None

    def _check(self, index: Index) -> None:
        """Once: DamagedRunError where trials were begun whose parameters are recorded nowhere."""
        if not self._checked and (lost := index.unknown()):
            few = ", ".join(map(str, lost[:5])) + (" and others" if len(lost) > 5 else "")
            raise damaged(self._directory, f"trials.jsonl has lost the parameters of point {few}")
        self._checked = True

    def grant(self, index: Index) -> None:
        """Does what people have asked for since."""
        for path in pending(self._directory):
            if path.name not in self._granted:
                self._take(index, path)
                self._granted.add(path.name)
            discard(path)

    def _take(self, index: Index, path: Path) -> None:
        run = index.record("run", driven=True)
        try:
            content = loads(_content(path))
            if "more" in content:
                points = [dict(params) for params in self._study.more(int(content["more"]), run)]
                self._write(index, "more", None, {"first": len(run.points), "points": points, "wish": path.name})
            else:
                point, params = self._study.place(content["try"], run)
                self._write(index, "trial", point, {"params": dict(params), "wish": path.name})
        except _REFUSED as error:  # whoever asked has been told when asking
            print(f"{path.name} asks for what cannot be done: {error}", flush=True)

    def _write(self, index: Index, kind: str, point: int | None, data: dict[str, Any]) -> None:
        append_events(self._file.path, [(kind, point, data)])
        index.ingest([self._file])
