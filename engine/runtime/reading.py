"""From the rows of an index to the records that screens, commands and figures see."""

import math
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any, get_args

from engine.runtime.attempts import DAMAGED
from engine.runtime.checks import is_mapping, is_name, is_number, is_point, is_text, is_time
from engine.runtime.encoding import loads
from engine.runtime.records import PointRecord, PointState, Progress, RunRecord, RunState
from engine.runtime.requests import Want
from engine.runtime.spec import RunSpec
from engine.runtime.states import settled_state
from engine.text import clean

Curves = dict[str, tuple[tuple[float, float], ...]]
_POINTS = (
    "SELECT idx, params, state, attempt, device, started, ended, result, error, progress, asked FROM point "
    "WHERE changed > ? ORDER BY idx"
)
_NOTES = "SELECT ts, kind, data FROM event WHERE seq > ? AND kind IN ('note', ?) ORDER BY seq"
_LOST = "{} of its logs cannot be read: what only they recorded is missing"
_METRICS = (
    "SELECT seq, point, attempt, CAST(key AS TEXT), CAST(step AS REAL), CAST(value AS REAL) FROM metric "
    "WHERE seq > ? ORDER BY seq"
)
_RUN_STATES, _POINT_STATES = frozenset(get_args(RunState)), frozenset(get_args(PointState))


class Metrics:
    """The curves of one index, read on from where the last reading stopped."""

    def __init__(self) -> None:
        self._last = 0
        self._attempt: dict[int, int] = {}
        self._curves: dict[int, Curves] = {}

    def read_on(self, connection: sqlite3.Connection) -> set[int]:
        """Takes in the rows that are new; returns their points. Of several attempts the latest counts."""
        fresh: dict[tuple[int, str], list[tuple[float, float]]] = defaultdict(list)
        for seq, point, attempt, key, step, value in connection.execute(_METRICS, (self._last,)):
            self._last = seq
            if attempt > self._attempt.get(point, 0):
                self._attempt[point], self._curves[point] = attempt, {}
                for stale in [name for name in fresh if name[0] == point]:
                    del fresh[stale]
            fresh[point, key].append((_number(step), _number(value)))
        for (point, key), rows in fresh.items():
            curves = self._curves[point]
            self._curves[point] = curves | {key: curves.get(key, ()) + tuple(rows)}
        return {point for point, _ in fresh}

    def of(self, point: int, attempt: int) -> Curves:
        """By key, pairs of step and value."""
        return self._curves[point] if self._attempt.get(point) == attempt else {}


def _number(value: float | None) -> float:
    return math.nan if value is None else value  # SQLite keeps NaN as NULL


class Notes:
    """What was said of the run as a whole, and how many lines of its logs were lost; read on likewise."""

    def __init__(self) -> None:
        self.lost = 0
        self._last = 0
        self._said: list[tuple[float, int, Any]] = []

    def read_on(self, connection: sqlite3.Connection) -> None:
        """Takes in the rows that are new."""
        for ts, kind, text in connection.execute(_NOTES, (self._last, DAMAGED)):
            if kind == DAMAGED:
                self.lost += 1
            else:
                self._said.append((ts, len(self._said), loads(text)))
        self._said.sort(key=itemgetter(0, 1))
        self._last = connection.execute("SELECT ifnull(max(seq), 0) FROM event").fetchone()[0]

    def together(self) -> dict[str, Any]:
        """All of it; what was said last counts."""
        notes: dict[str, Any] = {}
        for _, _, said in self._said:
            notes |= said
        return notes


class Reading:
    """One index, read on from where the last reading stopped: it costs what is new, however long the run is.

    What has not changed is the same object from record to record. After an error the reading is of no more use.
    """

    def __init__(self, spec: RunSpec, path: Path, *, metrics: bool) -> None:
        self._spec, self._path = spec, path
        self._points: list[PointRecord] = []
        self._metrics = Metrics() if metrics else None
        self._notes = Notes()
        self._last = -1
        self._run: tuple[RunState, float | None] = ("queued", None)

    def read_on(self, connection: sqlite3.Connection) -> None:
        """Takes in what has changed, which is to be one snapshot.

        Raises sqlite3.DatabaseError, ValueError, TypeError or IndexError where the index is damaged.
        """
        state, started, changes = connection.execute("SELECT state, started, changes FROM run").fetchone()
        if state not in _RUN_STATES or not (started is None or is_time(started)) or not isinstance(changes, int):
            raise ValueError("the state of the run cannot be read")
        self._run = state, started
        grown = self._metrics.read_on(connection) if self._metrics is not None else set()
        for row in connection.execute(_POINTS, (self._last,)):
            self._put(self._point(*row))
            grown.discard(row[0])
        if len(self._points) < len(self._spec.points):
            raise sqlite3.DatabaseError("points are missing")
        for index in grown:
            if index < len(self._points):
                point = self._points[index]
                self._points[index] = replace(point, metrics=self._curves(index, point.attempt))
        self._notes.read_on(connection)
        self._last = changes

    def _put(self, point: PointRecord) -> None:
        if point.index > len(self._points):
            raise sqlite3.DatabaseError("points are missing")
        self._points[point.index : point.index + 1] = [point]

    def _curves(self, index: int, attempt: int) -> Curves:
        return {} if self._metrics is None else self._metrics.of(index, attempt)

    def _point(
        self,
        index: int,
        params: str,
        state: PointState,
        attempt: int,
        device: str | None,
        started: float | None,
        ended: float | None,
        result: str | None,
        error: str | None,
        progress: str | None,
        asked: float | None,
    ) -> PointRecord:
        planned = asked is None and index < len(self._spec.points)
        point = PointRecord(
            index,
            self._spec.points[index] if planned else loads(params),
            state,
            attempt,
            device,
            started,
            ended,
            loads(result) if result else None,
            {name: clean(str(text)) for name, text in loads(error).items()} if error else None,
            Progress(**loads(progress)) if progress else None,
            self._curves(index, attempt),
        )
        _check(point)
        return point

    def record(self, *, driven: bool, want: Want) -> RunRecord:
        """The run as read. `driven` says whether its lock is held: without a driver nothing runs."""
        (stored, started), points = self._run, tuple(self._points)
        if not driven:
            points = _with(points, "running", "queued")
        state = stored if driven and stored in ("queued", "running") else settled_state(points, want)
        if driven and state == "interrupted":
            state = "queued"
        ending = want == "cancel" and state in ("queued", "running")  # its driver is on its way out
        if state == "cancelled" or ending:
            points = _with(points, "queued", "cancelled")
        spec, lost = self._spec, self._notes.lost
        return RunRecord(
            id=spec.id,
            name=spec.name,
            experiment=spec.experiment,
            state=state,
            config=spec.config,
            path=self._path,
            created=spec.created,
            started=started,
            ended=_end(state, points, self._path),
            seed=spec.seed,
            devices=spec.devices,
            seats=spec.seats,
            threads=spec.threads,
            versions=spec.versions,
            hardware=spec.hardware,
            recipe=spec.recipe,
            notes=self._notes.together(),
            problem=_LOST.format("1 line" if lost == 1 else f"{lost:,} lines") if lost else "",
            pausing=driven and want == "pause",
            points=points,
        )


def _with(points: tuple[PointRecord, ...], before: PointState, after: PointState) -> tuple[PointRecord, ...]:
    """The points with one state in place of another."""
    return tuple(replace(p, state=after, progress=None) if p.state == before else p for p in points)


def _check(point: PointRecord) -> None:
    """Raises ValueError for what no log leads to: the index is damaged."""
    progress = point.progress
    sound = (
        is_mapping(point.params)
        and point.state in _POINT_STATES
        and is_point(point.attempt)
        and (point.device is None or is_name(point.device))
        and all(moment is None or is_time(moment) for moment in (point.started, point.ended))
        and (point.result is None or is_mapping(point.result))
        and (point.error is None or {"type", "message"} <= point.error.keys())
        and (progress is None or (is_text(progress.text) and all(map(is_number, _numbers(progress)))))
    )
    if not sound:
        raise ValueError(f"point {point.index} cannot be read")


def _numbers(progress: Progress) -> tuple[float, ...]:
    return (progress.done, progress.total, progress.at, progress.since, progress.base, progress.trained)


def _end(state: RunState, points: Sequence[PointRecord], path: Path) -> float | None:
    """When a run that is over ended, by what is recorded of its points, or when it was cancelled."""
    if state == "cancelled":
        return (path / "want").lstat().st_mtime
    return max((p.ended for p in points if p.ended), default=None) if state in ("finished", "failed") else None
