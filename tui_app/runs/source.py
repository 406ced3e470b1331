"""Where the app reads runs from: the state folder, or a stand-in for tests."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from engine.runtime.records import RunRecord

SETTLE_NS = 2_000_000_000  # a run's folder comes before its spec: look again until both must be there


class Reader(Protocol):
    """Follows one run."""

    def poll(self) -> RunRecord | None:
        """A record where there is news since the last call."""

    def close(self) -> None:
        """Lets go of its files."""


class Source(Protocol):
    """All runs."""

    def paths(self) -> list[Path] | None:
        """All runs, newest first; None where no run came or went since the last call."""

    def read(self, path: Path) -> RunRecord:
        """One run without its metrics."""

    def reader(self, path: Path) -> Reader:
        """Follows one run, with its metrics."""

    def stamp(self, path: Path) -> int:
        """A number that changes when a run at rest is touched."""


class Disk:
    """The runs in the state folder. The runtime is imported with the first look, after first paint."""

    def __init__(self) -> None:
        self._seen = -1

    def paths(self) -> list[Path] | None:
        from engine.runtime import home, runs

        seen = home.runs_dir().stat().st_mtime_ns
        if seen == self._seen:
            return None
        settled = time.time_ns() - seen > SETTLE_NS
        self._seen = seen if settled else -1
        return runs.list_runs()

    def read(self, path: Path) -> RunRecord:
        from engine.runtime import runs

        return runs.read_run(path)

    def reader(self, path: Path) -> Reader:
        from engine.runtime import runs

        return runs.RunReader(path)

    def stamp(self, path: Path) -> int:
        """Files that come and go touch the folder; a request is written in place."""
        stamp = path.stat().st_mtime_ns
        with suppress(OSError):
            stamp += (path / "want").stat().st_mtime_ns
        return stamp
