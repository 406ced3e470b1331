"""`run.db`: the SQLite index of a run's attempt logs. Anything in it can be made again from spec and logs.

Only the holder of the run's lock writes here: two writing connections to one WAL database can corrupt it in every
SQLite before 3.51.3.
"""

import hashlib
import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

from engine.runtime.attempts import AttemptFile, Event, attempt_files, log_sizes, read_events
from engine.runtime.encoding import dumps, loads
from engine.runtime.files import (
    FULL_BYTES,
    discard,
    free_bytes,
    on_network,
    open_private,
    over_quota,
    private_folder,
    sync_folder,
)
from engine.runtime.reading import Reading
from engine.runtime.records import Params, RunRecord, RunState
from engine.runtime.requests import Want
from engine.runtime.spec import RunSpec
from engine.runtime.tables import CHANGE, CHANGED, OPEN, SCHEMA, VERSION, apply

_TOGETHER = 10_000
"""Events after which a transaction ends."""


def index_path(directory: Path) -> Path:
    """`run.db` in the run's folder, or on local disk where that folder is on a network file system: WAL needs that."""
    if not on_network(directory):
        return directory / "run.db"
    local = private_folder(Path(tempfile.gettempdir()) / f"labtui-{os.geteuid()}")
    return local / f"{hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:16]}.db"


def is_usable(path: Path) -> bool:
    """Whether SQLite may open `path`: it and its WAL are files or not there, no links, no pipes that never answer."""
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            if not stat.S_ISREG(path.with_name(path.name + suffix).lstat().st_mode):
                return False
    return True


def _connect(path: Path) -> sqlite3.Connection:
    with suppress(FileExistsError):  # WAL files take their mode from this one
        os.close(open_private(path, os.O_RDWR | os.O_CREAT | os.O_EXCL))
    connection = sqlite3.connect(path, isolation_level=None, timeout=1.0)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(CHANGE)
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.OperationalError):  # a full disk may have rolled it back already
            connection.execute("ROLLBACK")
        raise


def disk_full(error: sqlite3.Error, directory: Path) -> bool:
    """Whether SQLite failed for want of room, which passes, and not because the file is damaged."""
    code = getattr(error, "sqlite_errorcode", 0)
    if code & 0xFF == sqlite3.SQLITE_IOERR:  # what SQLite calls every failure to write but that of a full disk
        return free_bytes(directory) < FULL_BYTES or over_quota(directory)
    return code == sqlite3.SQLITE_FULL


def is_current(connection: sqlite3.Connection, directory: Path) -> bool:
    """Whether the logs hold just what is indexed. DatabaseError if damaged."""
    known = {(task, attempt): size for task, attempt, size in connection.execute("SELECT * FROM offset")}
    return known == log_sizes(directory)


def _trustworthy(connection: sqlite3.Connection, spec: RunSpec, directory: Path) -> bool:
    """Whether this is the index of this run as its last driver closed it."""
    expected = {
        "PRAGMA user_version": VERSION,
        "PRAGMA quick_check(1)": "ok",
        "SELECT id FROM run": spec.id,
        "SELECT closed FROM run": 1,
        f"SELECT count(*) FROM point WHERE idx < {len(spec.points)}": len(spec.points),
    }
    found = all(connection.execute(query).fetchone() == (answer,) for query, answer in expected.items())
    return found and is_current(connection, directory)


class Index:
    """The writer's end."""

    def __init__(self, directory: Path, spec: RunSpec, connection: sqlite3.Connection):
        self.directory = directory
        self.spec = spec
        self.connection = connection
        self._reading = Reading(spec, directory, metrics=False)
        self._path = index_path(directory)  # which looks at what is mounted: once
        self._file = self._path.lstat() if self._path.exists() else None

    @classmethod
    def open(cls, directory: Path, spec: RunSpec) -> "Index":
        """For the holder of the lock. An index that is missing, damaged or was not closed in order is made again."""
        path = index_path(directory)
        if path.is_file() and is_usable(path):
            with suppress(sqlite3.DatabaseError):
                connection = _connect(path)
                try:
                    if _trustworthy(connection, spec, directory):
                        connection.execute("UPDATE run SET closed = 0")
                        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                        return cls(directory, spec, connection)
                except BaseException:
                    connection.close()
                    raise
                connection.close()
        return cls.rebuild(directory, spec)

    @classmethod
    def rebuild(cls, directory: Path, spec: RunSpec) -> "Index":
        """Made from spec and logs under another name, then put in place: readers see no file, or all of it."""
        path = index_path(directory)
        fresh = path.with_suffix(".new")
        for name in (path, fresh):  # a WAL left behind would be replayed into the new file
            for suffix in ("", "-wal", "-shm"):
                discard(name.with_name(name.name + suffix))
        connection = _connect(fresh)
        try:
            cls(directory, spec, connection).fill()
        finally:
            connection.close()
        fresh.rename(path)
        sync_folder(path.parent)
        return cls(directory, spec, _connect(path))

    @classmethod
    def in_memory(cls, directory: Path, spec: RunSpec) -> "Index":
        """For readers, where the file is damaged or behind the logs."""
        index = cls(directory, spec, sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False))
        index.fill()
        return index

    def fill(self) -> None:
        """Tables, the spec's points, and everything in the logs."""
        self.connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION};")
        self.connection.execute(
            "INSERT INTO run(id, state, created) VALUES(?, 'queued', ?)", (self.spec.id, self.spec.created)
        )
        rows = ((number, dumps(params)) for number, params in enumerate(self.spec.points))
        self.connection.executemany("INSERT INTO point(idx, params) VALUES(?, ?)", rows)
        self.connection.execute("COMMIT")
        self.ingest(attempt_files(self.directory))

    def ingest(self, files: Iterable[AttemptFile]) -> int:
        """Takes in what the logs hold beyond what is known: rows and offset move together. Returns how many events.

        Many logs share a transaction: each waits for the disk.
        """
        news, total = self._news(files), 0
        while first := next(news, None):
            count = 0
            with _transaction(self.connection):
                for file, events, end in chain((first,), news):
                    for event in events:
                        apply(self.connection, event, file.attempt)
                    self.connection.execute("REPLACE INTO offset VALUES(?, ?, ?)", (file.task, file.attempt, end))
                    count += len(events)
                    if count >= _TOGETHER:
                        break
            total += count
        return total

    def _news(self, files: Iterable[AttemptFile]) -> Iterator[tuple[AttemptFile, list[Event], int]]:
        """What each log holds beyond what is known, a piece at a time, and the offset after it."""
        for file in files:
            key = (file.task, file.attempt)
            row = self.connection.execute("SELECT bytes FROM offset WHERE task = ? AND attempt = ?", key).fetchone()
            end = row[0] if row else 0
            while True:
                offset = end
                events, end = read_events(file.path, offset)
                if end == offset:
                    break
                yield file, events, end

    def requeue(self) -> None:
        """Nothing runs: what was running is queued again."""
        with _transaction(self.connection):
            self.connection.execute(
                f"UPDATE point SET state = 'queued', progress = NULL, {CHANGED} WHERE state = 'running'"
            )

    def set_state(self, state: RunState, ended: float | None = None) -> None:
        """Where the run stands; a cancelled run's open points are cancelled with it."""
        with _transaction(self.connection):
            self.connection.execute("UPDATE run SET state = ?, ended = ?", (state, ended))
            if state == "cancelled":
                self.connection.execute(
                    f"UPDATE point SET state = 'cancelled', progress = NULL, {CHANGED} WHERE {OPEN}"
                )

    def unfinished(self) -> list[int]:
        """Points that still need work."""
        return [point for (point,) in self.connection.execute(f"SELECT idx FROM point WHERE {OPEN} ORDER BY idx")]

    @property
    def left(self) -> int:
        """How many those are."""
        found: int = self.connection.execute(f"SELECT count(*) FROM point WHERE {OPEN}").fetchone()[0]
        return found

    def attempt(self, point: int) -> int:
        """A point's last attempt; 0 before the first."""
        found: int = self.connection.execute("SELECT attempt FROM point WHERE idx = ?", (point,)).fetchone()[0]
        return found

    def crashes(self, points: Iterable[int]) -> dict[int, int]:
        """How often each of those points that still need work has crashed."""
        query = f"SELECT crashes FROM point WHERE idx = ? AND {OPEN}"
        rows = ((point, self.connection.execute(query, (point,)).fetchone()) for point in points)
        return {point: row[0] for point, row in rows if row is not None}

    def last_ended(self, since: float, count: int) -> list[int]:
        """The points that ended last, at most `count`, none before `since` (Unix seconds)."""
        query = "SELECT idx FROM point WHERE ended >= ? ORDER BY ended DESC LIMIT ?"
        return [point for (point,) in self.connection.execute(query, (since, count))]

    def asked(self, point: int) -> bool:
        """Whether a point of a search has been given its parameters."""
        found = self.connection.execute("SELECT asked FROM point WHERE idx = ?", (point,)).fetchone()
        return found is not None and found[0] is not None

    def unknown(self) -> list[int]:
        """Points that were begun though nothing says what their parameters were."""
        rows = self.connection.execute("SELECT idx FROM point WHERE attempt > 0 AND asked IS NULL ORDER BY idx")
        return [point for (point,) in rows]

    def params(self, point: int) -> Params:
        """A point's parameters."""
        row = self.connection.execute("SELECT params FROM point WHERE idx = ?", (point,)).fetchone()
        found: Params = loads(row[0])
        return found

    def record(self, want: Want, driven: bool) -> RunRecord:
        """The run, without curves."""
        self._reading.read_on(self.connection)
        return self._reading.record(driven=driven, want=want)

    @property
    def in_place(self) -> bool:
        """Whether the file that is open still has its name and something in it.

        It is not opened for this: closing it would drop the locks that SQLite holds on it for this process.
        """
        try:
            found = self._path.lstat()
        except FileNotFoundError:
            return False
        return self._file is not None and os.path.samestat(found, self._file) and found.st_size > 0

    def close(self) -> None:
        """Marks the index as whole and folds the WAL back into the file."""
        try:
            self.connection.execute("UPDATE run SET closed = 1")
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self.connection.close()
