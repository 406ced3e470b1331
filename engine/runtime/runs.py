"""Making, finding and reading runs. Reading needs no driver, no index, and never writes."""

import difflib
import re
import shutil
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from engine.errors import InputError
from engine.runtime.attempts import AttemptFile, attempt_files, first_event, log_sizes, task_name
from engine.runtime.checks import LATEST_TIME
from engine.runtime.encoding import dumps, loads
from engine.runtime.files import sync_folder
from engine.runtime.home import runs_dir
from engine.runtime.index import Index, index_path, is_current, is_usable
from engine.runtime.label import read_label
from engine.runtime.lock import create_lock, lock_held, read_info
from engine.runtime.reading import Reading
from engine.runtime.records import RunRecord, RunState
from engine.runtime.requests import ask, read_request
from engine.runtime.spec import RunSpec, damaged
from engine.runtime.tables import VERSION
from engine.text import clean_line

_ID = re.compile(r"[a-z]-([0-9]{4,18})")
_DAMAGE = (sqlite3.Error, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)


def create_run(
    *,
    experiment: str,
    config: Mapping[str, Any],
    points: Sequence[Mapping[str, Any]],
    name: str | None = None,
    seed: int = 0,
    devices: Sequence[str] = ("cpu",),
    group: int = 1,
    seats: int = 1,
    threads: int = 0,
    reserve: int = 1 << 20,
    versions: Mapping[str, str],
    hardware: str = "",
    recipe: Mapping[str, Any] | None = None,
    cluster: Mapping[str, Any] | None = None,
) -> Path:
    """A new run's folder, with nothing started. Its id is the experiment's first letter and the next free number."""
    given = {"config": config, "points": list(points), "versions": versions}
    plain = loads(dumps(given | {"recipe": recipe or {}, "cluster": cluster or {}}))
    letter = next((char for char in experiment.rpartition(".")[2].lower() if "a" <= char <= "z"), "r")
    directory, partial = _reserved(letter)
    spec = RunSpec(
        id=directory.name,
        name=clean_line(name or "") or directory.name,
        experiment=experiment,
        seed=seed,
        devices=tuple(devices),
        group=group,
        seats=seats,
        threads=threads,
        reserve=reserve,
        hardware=hardware,
        created=time.time(),
        **plain,
    )
    try:
        for folder in ("attempts", "logs", "artifacts"):
            (partial / folder).mkdir(mode=0o700)
        create_lock(partial)
        ask(partial, "run")
        spec.write(partial)
        partial.rename(directory)
        sync_folder(directory.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return directory


def _reserved(letter: str) -> tuple[Path, Path]:
    """A new run's folder, and the one in which it is made: it has its name once it is whole, or never."""
    number = max((_number(path) for path in runs_dir().iterdir()), default=0) + 1
    while True:
        directory = runs_dir() / f"{letter}-{number:04d}"
        partial = directory.with_name(f".{directory.name}.partial")
        with suppress(FileExistsError):
            partial.mkdir(mode=0o700)
            if not directory.exists():
                return directory, partial
            partial.rmdir()
        number += 1


def _number(path: Path) -> int:
    match = _ID.fullmatch(path.name)
    return int(match[1]) if match else 0


def list_runs() -> list[Path]:
    """All runs, damaged ones too, newest first."""
    found = [path for path in runs_dir().iterdir() if _number(path) and not path.is_symlink()]
    return sorted(found, key=lambda path: (_number(path), path.name), reverse=True)


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
    """The run as it stands. Raises DamagedRunError where it cannot be read."""
    reader = RunReader(path, metrics=metrics)
    try:
        record = reader.poll()
        assert record is not None  # the first look always sees something new
        return record
    finally:
        reader.close()


def look(path: Path) -> RunRecord:
    """The run as it stands, for lists: a damaged one with what is left to say, the sentence as its problem."""
    try:
        return read_run(path)
    except InputError as error:
        return damaged_record(path, error)


def damaged_record(path: Path, error: Exception) -> RunRecord:
    """What is left to say of a run that cannot be read."""
    name = experiment = ""
    created = 0.0
    with suppress(InputError, OSError):
        created = min(max(path.lstat().st_mtime, 0.0), LATEST_TIME)
        spec = RunSpec.read(path)
        name, experiment, created = spec.name, spec.experiment, spec.created
    state = cast(RunState, "damaged")
    return RunRecord(path.name, name, experiment, state, {}, path, created, problem=str(error))


def log_path(path: Path, point: int, attempt: int = 0) -> Path | None:
    """The raw output of the point's last attempt; None where there is none, or the logs cannot be read.

    Where `attempt` is known to be the last one, a log of the point alone is found without a look at all others.
    """
    alone = AttemptFile.of(path, task_name([point]), attempt)
    try:
        return alone.log if attempt and alone.path.is_file() else _log_path(path, point)
    except OSError:
        return None


def _log_path(path: Path, point: int) -> Path | None:
    for file in reversed(attempt_files(path)):
        if file.may_hold(point):
            first = first_event(file.path)
            if first is not None and point in first.data.get("points", ()):
                return file.log
    return None


def _is_ours(connection: sqlite3.Connection) -> bool:
    """Whether a database is of this version and holds tables alone: a view could keep a reader busy for ever."""
    version = connection.execute("PRAGMA user_version").fetchone()
    programs = connection.execute("SELECT count(*) FROM sqlite_master WHERE type IN ('view', 'trigger')").fetchone()
    return bool(version == (VERSION,) and programs == (0,))


class RunReader:
    """Follows one run. Reads the index where it can be trusted and the attempt logs themselves where it cannot."""

    def __init__(self, path: Path, metrics: bool = True):
        self.path = path
        self.spec = RunSpec.read(path)
        self._index_path = index_path(path)
        self._with_metrics = metrics
        self._reading = self._fresh()
        self._file: tuple[int, int] | None = None
        self._database: sqlite3.Connection | None = None
        self._memory: Index | None = None
        self._seen: object = None

    def poll(self) -> RunRecord | None:
        """The run if anything about it has changed since the last call, else None.

        Raises DamagedRunError where it cannot be read, InputError where it has been removed.
        """
        try:
            return self._poll()
        except OSError as error:
            reason = f"{Path(error.filename).name}: {error.strerror}" if error.filename else str(error.strerror)
        except _DAMAGE as error:
            reason = f"its logs: {error}"
        self._seen = None
        if not self.path.exists():
            raise InputError(f"{self.path.name} has been removed.")
        raise damaged(self.path, reason)

    def _poll(self) -> RunRecord | None:
        driven, want, problem = lock_held(self.path), read_request(self.path).want, read_info(self.path).problem
        label = read_label(self.path)  # no part of the record, but news to those who show it
        seen = (driven, want, problem, label, self._version())
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
            self._seen = (driven, want, problem, label, self._version())
        if self._memory is None:
            self._memory = Index.in_memory(self.path, self.spec)
        else:
            self._memory.ingest(attempt_files(self.path))
        return self._load(self._memory.connection, driven, want, problem)

    def _fresh(self) -> Reading:
        return Reading(self.spec, self.path, metrics=self._with_metrics)

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
            self._reading.read_on(connection)
        except BaseException:
            self._reading = self._fresh()
            raise
        finally:
            connection.execute("ROLLBACK")
        record = self._reading.record(driven=driven, want=want)
        told = problem if driven or record.state == "interrupted" else ""
        return replace(record, problem=told or record.problem)

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
        self._reading = self._fresh()
        if self._file == (0, 0) or not is_usable(self._index_path):
            return
        try:
            address = f"{self._index_path.absolute().as_uri()}?mode=ro"
            self._database = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
            if not _is_ours(self._database):
                self._use_logs()
        except sqlite3.Error:
            self._use_logs()

    def _use_logs(self) -> None:
        """Until another file takes the index's name."""
        if self._database is not None:
            self._database.close()
        self._database = None
        self._reading = self._fresh()
