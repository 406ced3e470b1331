"""What a tracker is told of a run: each point with what it was asked, its curves, and what came out. No torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.runtime.records import PointRecord, RunRecord

Plain = str | int | float | bool


@dataclass(frozen=True, slots=True)
class ToldPoint:
    """A point. `curves` are (step, value) by name, `results` its finite numbers by the names that results have."""

    index: int
    name: str
    state: str
    params: Mapping[str, Plain]
    curves: Mapping[str, tuple[tuple[float, float], ...]]
    results: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Told:
    """A run. `facts` are its settings, versions and where it ran; `created` in Unix seconds."""

    id: str
    name: str
    experiment: str
    created: float
    facts: Mapping[str, Plain]
    points: tuple[ToldPoint, ...]


def told(run: RunRecord) -> Told:
    """All points that have begun, in their order; a point is called by the values of its params."""
    facts = {key: _plain(value) for key, value in run.config.items()}
    facts |= {f"version.{name}": number for name, number in run.versions.items()}
    facts |= {"where": run.where, "seed": run.seed}
    points = tuple(_point(run.name, point) for point in run.points if point.attempt)
    return Told(run.id, run.name, run.experiment, run.created, facts, points)


def _point(name: str, point: PointRecord) -> ToldPoint:
    return ToldPoint(
        point.index,
        " ".join(str(_plain(value)) for value in point.params.values()) or name,
        point.state,
        {key: _plain(value) for key, value in point.params.items()},
        {name: tuple(one for one in curve if math.isfinite(one[1])) for name, curve in point.metrics.items()},
        {key: float(value) for key, value in (point.result or {}).items() if _is_number(value)},
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _plain(value: Any) -> Plain:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return value if isinstance(value, str | int | float) else "" if value is None else str(value)
