"""A run in one line: what the table shows and what the filter and the order see."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engine.errors import InputError
from engine.runtime.label import read_label
from engine.runtime.records import PointRecord, RunRecord
from tui_app.text import clean, error_line

if TYPE_CHECKING:
    from engine.experiments.api import Column
    from engine.tasks.metric import Metric as Scored

ENDED = frozenset(("finished", "failed", "cancelled"))


@dataclass(frozen=True, slots=True)
class Metric:
    """The best point's main value, or a difference: its unit and, where it is known, its 95 % interval.

    `better` says which way is better, where that is known.
    """

    label: str
    value: float
    unit: str = "number"
    low: float | None = None
    high: float | None = None
    better: Literal["higher", "lower"] | None = None

    @property
    def bounds(self) -> tuple[float, float]:
        """The interval; a value without one counts as exact."""
        return (self.value if self.low is None else self.low), (self.value if self.high is None else self.high)

    def differs(self, other: "Metric") -> bool:
        """Whether the intervals do not overlap."""
        (low, high), (other_low, other_high) = self.bounds, other.bounds
        return low > other_high or high < other_low

    def is_gain(self, difference: float) -> bool | None:
        """Whether a difference is one for the better; None where that is not known."""
        return None if self.better is None else (difference > 0) == (self.better == "higher")


@dataclass(frozen=True, slots=True)
class Summary:
    """Texts are clean. `fraction` counts points and what running ones have trained; `ends` is when it should be done.

    `delta` is what the best point differs by from the baseline that the run itself measured. `resumes` says whether the
    run has stopped, or will, and can go on. `reason` says why the best point is the best; `values` are its numbers
    by key, for the filter.
    """

    id: str
    name: str
    experiment: str
    state: str
    path: Path
    created: float
    started: float | None
    ended: float | None
    done: int
    total: int
    fraction: float
    ends: float | None
    doing: str
    model: str
    data: str
    device: str
    problem: str
    metric: Metric | None
    delta: Metric | None
    bytes: int | None
    resumes: bool
    reason: str
    values: dict[str, float]
    tags: tuple[str, ...] = ()
    note: str = ""

    @property
    def percent(self) -> int:
        """Whole percents done: 100 only when all is."""
        return int(100 * self.fraction + 1e-9)

    @property
    def tag(self) -> str:
        """All tags, for the filter and the order."""
        return " ".join(self.tags)

    @property
    def words(self) -> str:
        """What bare words of the filter look at, in lower case."""
        facts = (self.id, self.name, self.experiment, self.state, self.model, self.data, self.tag, self.note)
        return " ".join(facts).lower()


def summarize(run: RunRecord) -> Summary:
    """A run's summary. An experiment that cannot be loaded any more costs the metric, nothing else."""
    from engine.tasks.kinds import metric_of

    point, reason, columns = _best(run)
    label, scored = read_label(run.path), metric_of(run.config)
    result = {**(point.params if point else {}), **((point.result or {}) if point else {})}
    return Summary(
        id=run.id,
        name=clean(run.name),
        experiment=clean(run.experiment),
        state=run.state,
        path=run.path,
        created=run.created,
        started=run.started,
        ended=run.ended,
        done=run.done,
        total=len(run.points),
        fraction=_share(run),
        ends=_ends(run),
        doing=_doing(run),
        model=clean(run.config.get("model", "")),
        data=clean(run.config.get("data", "")),
        device=clean(run.placed),
        problem=clean(run.problem) or (_failure(run) if run.state == "failed" else ""),
        metric=_metric(result, columns, scored),
        delta=_delta(result, columns, scored),
        bytes=_bytes(result, columns),
        resumes=run.pausing or run.state in ("paused", "interrupted", "failed"),
        reason=reason,
        values={key: value for key, one in result.items() if (value := _number(one)) is not None},
        tags=tuple(map(clean, label.tags)),
        note=clean(label.note),
    )


def _number(value: object) -> float | None:
    """A plain number as a float; None for what is none, NaN among it, or is larger than floats go."""
    try:
        return float(value) if isinstance(value, int | float) and not math.isnan(value) else None
    except OverflowError:
        return None


def _best(run: RunRecord) -> "tuple[PointRecord | None, str, tuple[Column, ...]]":
    from engine.experiments import registry, results

    if not run.finished:
        return None, "", ()
    try:
        columns = tuple(registry.get(run.experiment).columns_of(run.config))
        choice = results.best(run)
    except Exception:  # whatever an experiment of another version makes of this run
        return None, "", ()
    chosen = next((point for point in run.finished if choice is not None and point.index == choice.index), None)
    return chosen, clean(choice.reason) if choice is not None else "", columns


def _metric(result: dict[str, Any], columns: "tuple[Column, ...]", scored: "Scored") -> Metric | None:
    """The first column with an interval is the experiment's main value, else its first percentage."""
    ranked = sorted(columns, key=lambda column: (column.low is None, column.unit != "percent"))
    for column in ranked:
        if column.unit != "text" and (metric := _measured(column, result, scored)) is not None:
            return metric
    return None


def _delta(result: dict[str, Any], columns: "tuple[Column, ...]", scored: "Scored") -> Metric | None:
    found = (_measured(column, result, scored) for column in columns if column.signed)
    return next((metric for metric in found if metric is not None), None)


def _measured(column: "Column", result: dict[str, Any], scored: "Scored") -> Metric | None:
    """A column's value with its interval; None where it holds no number."""
    value, low, high = (_number(result.get(key)) if key else None for key in (column.key, column.low, column.high))
    better = scored.better if column.signed or column.key == scored.name else None
    return None if value is None else Metric(clean(column.label), value, column.unit, low, high, better)


def _bytes(result: dict[str, Any], columns: "tuple[Column, ...]") -> int | None:
    values = (_number(result.get(column.key)) for column in columns if column.unit == "bytes")
    return next((int(value) for value in values if value is not None and math.isfinite(value)), None)


def _failure(run: RunRecord) -> str:
    return next((error_line(point.error) for point in reversed(run.failed) if point.error), "")


def _share(run: RunRecord) -> float:
    """How much is done: points that have ended, and of those that run what they have trained."""
    if not run.points:
        return float(run.state == "finished")
    partly = sum(point.progress.trained for point in run.running if point.progress)
    return (run.done + partly) / len(run.points)


def _ends(run: RunRecord) -> float | None:
    from engine.experiments import registry
    from engine.experiments.estimate import ends

    if run.state != "running" or run.pausing:
        return None
    try:
        return ends(registry.get(run.experiment), run)
    except InputError:  # an experiment that is not here any more
        return None


def _doing(run: RunRecord) -> str:
    """What the first running point is at: `training the built-in model 61%`."""
    reports = (point.progress for point in run.running if point.progress)
    return next((f"{clean(one.doing)} {100 * one.fraction:.0f}%" for one in reports), "")
