"""Making, finding and reading runs. Reading needs no driver, no index, and never writes."""

import difflib
import re
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.runtime.attempts import attempt_files, first_event, log_sizes
from engine.runtime.encoding import dumps, loads
from engine.runtime.home import runs_dir
from engine.runtime.index import Index, index_path, is_current
from engine.runtime.lock import create_lock, lock_held, read_info
from engine.runtime.reading import Metrics, load_run
from engine.runtime.records import RunRecord
from engine.runtime.spec import RunSpec
from engine.runtime.states import read_want
from engine.runtime.tables import VERSION
from engine.runtime.text import clean_line

_ID = re.compile(r"[a-z]-(\d{4,})")
_DAMAGE = (sqlite3.Error, ValueError, TypeError, LookupError, AttributeError)


def create_run(
    *,
    experiment: str,
    config: Mapping[str, Any],
    points: Sequence[Mapping[str, Any]],
    name: str | None = None,
    seed: int = 0,
    devices: Sequence[str] = ("cpu",),
    group: int = 1,
    versions: Mapping[str, str],
) -> Path:
    """A new run's folder, with nothing started. Its id is the experiment's first letter and the next free number."""
    letter = next((char for char in experiment.rpartition(".")[2].lower() if "a" <= char <= "z"), "r")
    number = max((_number(path) for path in runs_dir().iterdir()), default=0) + 1
    while True:
        directory = runs_dir() / f"{letter}-{number:04d}"
        try:
            directory.mkdir(mode=0o700)
            break
        except FileExistsError:
            number += 1
    for folder in ("attempts", "logs", "artifacts"):
        (directory / folder).mkdir(mode=0o700)
    create_lock(directory)
    plain = loads(dumps({"config": config, "points": list(points), "versions": versions}))
    spec = RunSpec(
        id=directory.name,
        name=clean_line(name or "") or directory.name,
        experiment=experiment,
        seed=seed,
        devices=tuple(devices),
        group=group,
        created=time.time(),
        **plain,
    )
    spec.write(directory)  # last: a folder without it is no run yet
    return directory


def _number(path: Path) -> int:
    match = _ID.fullmatch(path.name)
    return int(match[1]) if match else 0


def list_runs() -> list[Path]:
    """All runs, newest first."""
    found = [path for path in runs_dir().iterdir() if _number(path) and not path.is_symlink()]
    return sorted((p for p in found if (p / "spec.json").is_file()), key=lambda p: (_number(p), p.name), reverse=True)


def find_run(text: str) -> Path:
    """By id, `@last`, name (the newest of that name) or unique prefix of an id. InputError names what comes near."""
    runs = list_runs()
    if not runs:
        raise InputError("There are no runs yet; start one with `labtui run`.")
    if text == "@last":
        return runs[0]
    by_id = {path.name: path for path in runs}
    if text in by_id:
        return by_id[text]
    by_name: dict[str, Path] = {}
    for path in runs:
        with suppress(InputError):
            by_name.setdefault(RunSpec.read(path).name, path)
    if text in by_name:
        return by_name[text]
    matches = [identifier for identifier in by_id if text and identifier.startswith(text)]
    if len(matches) == 1:
        return by_id[matches[0]]
    near = matches[:5] or difflib.get_close_matches(text, [*by_id, *by_name], 3, 0.5)
    hint = f"did you mean {', '.join(dict.fromkeys(near))}?" if near else "`labtui runs` lists them all."
    which = "more than one run" if matches else "no run"
    raise InputError(f"There is {which} {clean_line(text)!r}; {hint}")


def read_run(path: Path, metrics: bool = False) -> RunRecord:
    """The run as it stands. Raises InputError if `path` is no run."""
    reader = RunReader(path, metrics=metrics)
    try:
        record = reader.poll()
        assert record is not None  # the first look always sees something new
        return record
    finally:
        reader.close()


def log_path(path: Path, point: int) -> Path | None:
    """The raw output of the point's last attempt."""
    for file in reversed(attempt_files(path)):
        if file.may_hold(point):
            first = first_event(file.path)
            if first is not None and point in first.data.get("points", ()):
                return file.log
    return None


class RunReader:
    """Follows one run. Reads the index where it can be trusted and the attempt logs themselves where it cannot."""

    def __init__(self, path: Path, metrics: bool = True):
        self.path = path
        self.spec = RunSpec.read(path)
        self._index_path = index_path(path)
        self._with_metrics = metrics
        self._metrics = Metrics()
        self._file: tuple[int, int] | None = None
        self._database: sqlite3.Connection | None = None
        self._memory: Index | None = None
        self._seen: object = None

    def poll(self) -> RunRecord | None:
        """The run if anything about it has changed since the last call, else None."""
        driven, want, problem = lock_held(self.path), read_want(self.path), read_info(self.path).problem
        seen = (driven, want, problem, self._version())
        if seen == self._seen:
            return None
        self._seen = seen
        if self._database is not None:
            try:
                if driven or is_current(self._database, self.path):
                    return self._load(self._database, driven, want, problem)
            except _DAMAGE:
                pass
            self._use_logs()
            self._seen = (driven, want, problem, self._version())
        if self._memory is None:
            self._memory = Index.in_memory(self.path, self.spec)
        else:
            self._memory.ingest(attempt_files(self.path))
        return self._load(self._memory.connection, driven, want, problem)

    def close(self) -> None:
        """Lets go of the index."""
        if self._database is not None:
            self._database.close()
        if self._memory is not None:
            self._memory.close()
        self._database = self._memory = None

    def _load(self, connection: sqlite3.Connection, driven: bool, want: Any, problem: str) -> RunRecord:
        connection.execute("BEGIN")  # one snapshot for all that is read
        try:
            if self._with_metrics:
                self._metrics.read_on(connection)
            record = load_run(connection, self.spec, self.path, self._metrics, driven=driven, want=want)
        finally:
            connection.execute("ROLLBACK")
        return replace(record, problem=problem if driven or record.state == "interrupted" else "")

    def _version(self) -> object:
        """Changes whenever there may be something new to read."""
        try:
            status = self._index_path.lstat()
            file = (status.st_dev, status.st_ino)
        except FileNotFoundError:
            file = (0, 0)
        if file != self._file:
            self._file = file
            self._open()
        if self._database is not None:
            try:
                return file, self._database.execute("PRAGMA data_version").fetchone()
            except sqlite3.Error:
                self._use_logs()
        return file, log_sizes(self.path)

    def _open(self) -> None:
        self.close()
        self._metrics = Metrics()
        if self._file == (0, 0) or self._index_path.is_symlink():
            return
        try:
            address = f"{self._index_path.absolute().as_uri()}?mode=ro"
            self._database = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
            if self._database.execute("PRAGMA user_version").fetchone() != (VERSION,):
                self._use_logs()
        except sqlite3.Error:
            self._use_logs()

    def _use_logs(self) -> None:
        """Until another file takes the index's name."""
        if self._database is not None:
            self._database.close()
        self._database = None
        self._metrics = Metrics()
