"""Finds out what changed among the runs, a bounded look at a time."""

import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import InputError
from engine.runtime.records import RunRecord
from tui_app.runs.source import Reader, Source
from tui_app.runs.summary import ENDED, Summary, summarize

LOOK_SECONDS = 0.1  # of processor time in which one look reads runs that are new
CHECKS = 50  # how many runs at rest one look checks for a change, at most
ROUND = 10  # looks in which all of them are checked, where that many are enough


@dataclass(frozen=True, slots=True)
class News:
    """What one look found. `unread` counts the runs still to be read, `trouble` says what keeps them from it."""

    summaries: dict[str, Summary] = field(default_factory=dict)
    records: dict[str, RunRecord] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    unread: int = 0
    trouble: str = ""


class Watcher:
    """Active and followed runs are polled; runs at rest are read once and then only checked, in turn."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._paths: dict[str, Path] = {}
        self._unread: deque[str] = deque()
        self._stamps: dict[str, int] = {}
        self._turn: deque[str] = deque()
        self._readers: dict[str, Reader] = {}
        self._records: dict[str, RunRecord] = {}
        self._shown: frozenset[str] = frozenset()
        self._broken: dict[str, str] = {}
        self._told = (-1, "")

    def close(self) -> None:
        """Lets go of all files."""
        for name in list(self._readers):
            self._drop(name)

    @property
    def behind(self) -> bool:
        """Whether there are runs that have not been read yet."""
        return bool(self._unread)

    def look(self, followed: frozenset[str]) -> News | None:
        """What changed since the last look; None where nothing did. `followed` runs come with full records."""
        summaries: dict[str, Summary] = {}
        records: dict[str, RunRecord] = {}
        gone: frozenset[str] = frozenset()
        trouble = ""
        try:
            gone = self._list()
        except (OSError, InputError) as error:
            trouble = str(error)
        for name in [*self._readers, *(followed & self._paths.keys() - self._readers.keys())]:
            self._poll(name, summaries)
        for name in followed & self._records.keys():
            if name in summaries or name not in self._shown:
                records[name] = self._records[name]
        self._shown = followed & self._records.keys()
        for name in self._records.keys() - followed:
            if str(self._records[name].state) == "damaged":
                del self._records[name]
            elif self._records[name].state in ENDED:
                self._drop(name)
                self._rest(name)
        self._check()
        self._read(summaries)
        told = len(self._unread), trouble
        if not (summaries or records or gone) and told == self._told:
            return None
        self._told = told
        return News(summaries, records, gone, *told)

    def _list(self) -> frozenset[str]:
        paths = self._source.paths()
        if paths is None:
            return frozenset()
        now = {path.name: path for path in paths}
        gone = frozenset(self._paths.keys() - now.keys())
        self._unread.extend(name for name in now if name not in self._paths)
        self._paths = now
        for name in gone:
            self._stamps.pop(name, None)
            self._broken.pop(name, None)
            self._drop(name)
        return gone

    def _drop(self, name: str) -> None:
        self._records.pop(name, None)
        reader = self._readers.pop(name, None)
        if reader is not None:
            reader.close()

    def _rest(self, name: str) -> None:
        try:
            self._stamps[name] = self._source.stamp(self._paths[name])
        except OSError:
            return
        self._turn.append(name)

    def _poll(self, name: str, summaries: dict[str, Summary]) -> None:
        try:
            if name not in self._readers:
                self._readers[name] = self._source.reader(self._paths[name])
            record = self._readers[name].poll()
            if record is not None:
                summaries[name] = summarize(record)
                self._records[name] = record
                self._broken.pop(name, None)
        except Exception as error:  # one damaged run must not end the others' news
            self._fail(name, error, summaries)

    def _fail(self, name: str, error: Exception, summaries: dict[str, Summary]) -> None:
        """A run that cannot be read is tried again, but told only where something else is wrong with it now."""
        from engine.runtime.runs import damaged_record

        record = damaged_record(self._paths[name], error)
        summary = summarize(record)
        if summary.problem != self._broken.get(name):
            summaries[name] = summary
        self._broken[name] = summary.problem
        self._drop(name)
        self._records[name] = record
        if name not in self._turn:
            self._rest(name)

    def _check(self) -> None:
        """Runs at rest that another app touched are read again."""
        for _ in range(min(CHECKS, -(-len(self._turn) // ROUND))):
            name = self._turn.popleft()
            if name not in self._stamps or name in self._readers:
                continue
            try:
                touched = self._source.stamp(self._paths[name]) != self._stamps[name]
            except OSError:
                continue
            if touched:
                self._unread.appendleft(name)
            else:
                self._turn.append(name)

    def _read(self, summaries: dict[str, Summary]) -> None:
        """Reads what is new, newest first, for a bounded time."""
        until = time.thread_time() + LOOK_SECONDS
        while self._unread and time.thread_time() < until:
            name = self._unread.popleft()
            if name not in self._paths or name in self._readers:
                continue
            try:
                record = self._source.read(self._paths[name])
                summaries[name] = summarize(record)
                self._broken.pop(name, None)
            except Exception as error:  # as above
                self._fail(name, error, summaries)
                continue
            if record.state in ENDED:
                self._rest(name)
            else:
                self._poll(name, summaries)
