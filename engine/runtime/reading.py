"""From the rows of an index to the records that screens, commands and figures see."""

import math
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.runtime.encoding import loads
from engine.runtime.records import PointRecord, Progress, RunRecord, RunState
from engine.runtime.spec import RunSpec
from engine.runtime.states import Want, settled_state
from engine.runtime.text import clean

Curves = dict[str, tuple[tuple[float, float], ...]]
_POINTS = (
    "SELECT idx, params, state, attempt, device, started, ended, result, error, progress, asked FROM point ORDER BY idx"
)
_METRICS = "SELECT seq, point, attempt, key, step, value FROM metric WHERE seq > ? ORDER BY seq"


class Metrics:
    """The curves of one index, read on from where the last reading stopped."""

    def __init__(self) -> None:
        self._last = 0
        self._attempt: dict[int, int] = {}
        self._curves: dict[int, Curves] = {}

    def read_on(self, connection: sqlite3.Connection) -> None:
        """Takes in the rows that are new. Of several attempts the latest counts."""
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

    def of(self, point: int, attempt: int) -> Curves:
        """By key, pairs of step and value."""
        return self._curves[point] if self._attempt.get(point) == attempt else {}


def _number(value: float | None) -> float:
    return math.nan if value is None else value  # SQLite keeps NaN as NULL


def _points(
    connection: sqlite3.Connection, spec: RunSpec, metrics: Metrics, ended: dict[int, PointRecord] | None
) -> list[PointRecord]:
    found: list[PointRecord] = []
    planned = len(spec.points)
    for row in connection.execute(_POINTS):
        index, params, state, attempt, device, started, end, result, error, progress, asked = row
        if index != len(found):
            raise sqlite3.DatabaseError("points are missing")
        if ended is not None and index in ended:
            found.append(ended[index])
            continue
        point = PointRecord(
            index,
            loads(params) if asked or index >= planned else spec.points[index],
            state,
            attempt,
            device,
            started,
            end,
            loads(result) if result else None,
            {name: clean(str(text)) for name, text in loads(error).items()} if error else None,
            Progress(**loads(progress)) if progress else None,
            metrics.of(index, attempt),
        )
        if ended is not None and state in ("finished", "failed", "pruned"):
            ended[index] = point
        found.append(point)
    if len(found) < planned:
        raise sqlite3.DatabaseError("points are missing")
    return found


def _end(state: RunState, points: Sequence[PointRecord], path: Path) -> float | None:
    """When a run that is over ended, by what is recorded of its points, or when it was cancelled."""
    if state == "cancelled":
        return (path / "want").lstat().st_mtime
    return max((p.ended for p in points if p.ended), default=None) if state in ("finished", "failed") else None


def load_run(
    connection: sqlite3.Connection,
    spec: RunSpec,
    path: Path,
    metrics: Metrics,
    *,
    driven: bool,
    want: Want,
    ended: dict[int, PointRecord] | None = None,
) -> RunRecord:
    """The run as indexed. `driven` says whether its lock is held: without a driver nothing runs.

    `ended` keeps points that have ended, which never change any more, for a caller that reads without curves.
    Raises sqlite3.DatabaseError, ValueError, TypeError or IndexError where the index is damaged.
    """
    stored, started = connection.execute("SELECT state, started FROM run").fetchone()
    points = _points(connection, spec, metrics, ended)
    if not driven:
        points = [replace(p, state="queued", progress=None) if p.state == "running" else p for p in points]
    state = stored if driven and stored in ("queued", "running") else settled_state(points, want)
    if driven and state == "interrupted":
        state = "queued"
    if state == "cancelled":
        points = [replace(p, state="cancelled", progress=None) if p.state == "queued" else p for p in points]
    notes: dict[str, Any] = {}
    for (text,) in connection.execute("SELECT data FROM event WHERE kind = 'note' ORDER BY ts, seq"):
        notes |= loads(text)
    return RunRecord(
        id=spec.id,
        name=spec.name,
        experiment=spec.experiment,
        state=state,
        config=spec.config,
        path=path,
        created=spec.created,
        started=started,
        ended=_end(state, points, path),
        seed=spec.seed,
        devices=spec.devices,
        versions=spec.versions,
        notes=notes,
        pausing=driven and want == "pause",
        points=tuple(points),
    )
