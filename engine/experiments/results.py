"""What is read out of recorded runs: figures, the chosen point, tables, and the JSON document. No torch."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import wraps
from typing import Any, TypeVar

from pydantic import ValidationError

from engine.errors import DamagedRunError, InputError
from engine.experiments import published, registry
from engine.experiments import taken as machine
from engine.experiments.api import AnyExperiment, Choice, ExperimentConfig, Listing
from engine.experiments.shared.choosing import is_measured
from engine.figures.figure import Figure, Series
from engine.figures.table import Table
from engine.figures.units import in_bytes
from engine.runtime import references
from engine.runtime.label import read_label
from engine.runtime.records import RunRecord
from engine.tasks.kinds import metric_of

_Read = TypeVar("_Read")
NOT_MEASURED = {"type": "NotFiniteError", "message": "its loss is no number: nothing was measured", "traceback": ""}
LONGEST_NAME = 16  # in the legend of several runs; longer ones go by their id


@contextmanager
def understood(run: RunRecord) -> Iterator[None]:
    """Whatever an experiment stumbles over in a record becomes one sentence: it may hold anything."""
    try:
        yield
    except (InputError, OSError):
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {error}".partition("\n")[0]
        sentence = f"what {run.id} recorded is not what {run.experiment} records ({what}); it is damaged."
        raise DamagedRunError(sentence) from error


def _understanding(read: Callable[[RunRecord], _Read]) -> Callable[[RunRecord], _Read]:
    @wraps(read)
    def guarded(run: RunRecord) -> _Read:
        with understood(run):
            return read(run)

    return guarded


def opened(run: RunRecord) -> tuple[AnyExperiment, ExperimentConfig]:
    """The experiment that made a run, and its config as an object."""
    experiment = registry.get(run.experiment)
    try:
        return experiment, experiment.Config.recorded(run.config)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg'].lower()}" for one in error.errors()[:3])
        sentence = f"the settings of {run.id} are not those of this version of {run.experiment} ({wrong})."
        raise DamagedRunError(sentence) from None


@_understanding
def figures(run: RunRecord) -> Sequence[Figure]:
    """The figures of one run, those of what it took from the machine last."""
    experiment, config = opened(run)
    return [*published.marked(run, experiment.figures(config, sound(run))), *machine.figures(run)]


@_understanding
def best(run: RunRecord) -> Choice | None:
    """The point to take from a run, and why; None before any has finished."""
    experiment, config = opened(run)
    return experiment.best(config, sound(run))


def pinned(source: str) -> str:
    """`run:NAME` as `run:ID/POINT`, where without a point the one that the run chose is meant.

    Raises InputError as `references.pinned`.
    """

    def chosen(run: RunRecord) -> int | None:
        choice = best(run)
        return None if choice is None else choice.index

    return references.pinned(source, chosen)


@_understanding
def findings(run: RunRecord) -> Sequence[str]:
    """What the numbers of a run say, in sentences."""
    experiment, config = opened(run)
    return [*published.findings(sound(run)), *experiment.findings(config, sound(run))]


@_understanding
def listings(run: RunRecord) -> Sequence[Listing]:
    """The tables of a run beside that of its points."""
    experiment, config = opened(run)
    return [*published.listings(sound(run)), *experiment.listings(config, sound(run))]


def sound(run: RunRecord) -> RunRecord:
    """The run without what older versions took for results though it is none: scores of a loss that is NaN."""
    lost = {point.index for point in run.finished if not is_measured(point.result or {})}
    noted = run.notes.get("baseline")
    based = not isinstance(noted, Mapping) or is_measured(noted)
    if not lost and based:
        return run
    points = tuple(
        replace(point, state="failed", result=None, error=NOT_MEASURED) if point.index in lost else point
        for point in run.points
    )
    notes = run.notes if based else {key: value for key, value in run.notes.items() if key != "baseline"}
    return replace(run, points=points, notes=notes)


@_understanding
def baseline(run: RunRecord) -> str:
    """The measured baseline in words; empty where the experiment notes none of this kind."""
    noted = sound(run).notes.get("baseline")
    metric = metric_of(run.config)
    if not isinstance(noted, Mapping) or not noted.keys() >= {*metric.bounded(), "samples", "bytes"}:
        return ""
    value, low, high = (noted[key] for key in metric.bounded())
    interval = f"{metric.written(value)} ({metric.said(low)} to {metric.said(high)})"
    name = "" if metric.unit == "percent" else f"{metric.name} "
    return f"{name}{interval} on {noted['samples']:,} test {metric.samples}, {in_bytes(noted['bytes'])}"


def data(run: RunRecord) -> str:
    """What was read of the run's data and used, and what was made anew; empty where a run noted nothing of it."""
    noted, head = run.notes.get("data"), run.notes.get("head")
    said = [noted, head.get("said") if isinstance(head, Mapping) else None]
    return "; ".join(sentence for sentence in said if isinstance(sentence, str) and sentence)


@_understanding
def points_table(run: RunRecord) -> Table:
    """The points with every parameter and every plain value of their results, for CSV, Markdown and LaTeX."""
    params = list(dict.fromkeys(key for point in run.points for key in point.params))
    values = list(
        dict.fromkeys(
            key
            for point in run.finished
            for key, value in (point.result or {}).items()
            if not isinstance(value, list | dict)
        )
    )
    rows = tuple(
        (
            point.index,
            *(point.params.get(key) for key in params),
            point.state,
            *((point.result or {}).get(key) for key in values),
            (point.error or {}).get("message"),
        )
        for point in run.points
    )
    return Table(("point", *params, "state", *values, "error"), rows)


def listing_table(listing: Listing) -> Table:
    """A listing with its values in full, for CSV, Markdown and LaTeX."""
    keys = [column.key for column in listing.columns]
    rows = tuple(tuple(row.get(key) for key in keys) for row in listing.rows)
    return Table(tuple(column.label for column in listing.columns), rows)


@_understanding
def tables(run: RunRecord) -> dict[str, Table]:
    """Every table of a run by its key, that of the points first."""
    return {"points": points_table(run)} | {one.key: listing_table(one) for one in listings(run)}


def compared(runs: Sequence[RunRecord]) -> list[Figure]:
    """The figures that all runs have on the same axes: their curves laid over each other and named after the run."""
    if len(runs) == 1:
        return list(figures(runs[0]))
    drawn = [{figure.key: figure for figure in figures(run)} for run in runs]
    shared = [key for key, one in drawn[0].items() if all(_same_axes(one, other.get(key)) for other in drawn)]
    names = [run.name if len(run.name) <= LONGEST_NAME else run.id for run in runs]
    return [overlaid(key, [(name, each[key]) for name, each in zip(names, drawn, strict=True)]) for key in shared]


def _same_axes(one: Figure, other: Figure | None) -> bool:
    """Scores against bits and scores against steps may share a key; they share no place in a figure."""
    return (
        other is not None
        and bool(one.categories) == bool(other.categories)
        and all(getattr(one, name) == getattr(other, name) for name in ("x_label", "x_unit", "y_label", "y_unit"))
    )


def overlaid(key: str, named: Sequence[tuple[str, Figure]]) -> Figure:
    """Figures of named runs, on the same axes, as one."""
    first = named[0][1]
    series: list[Series] = []
    levels: list[Series] = []
    categories = tuple(dict.fromkeys(category for _, figure in named for category in figure.categories))
    for name, figure in named:
        for one in figure.series:
            if figure.categories:  # each run has its own, in its own order
                one = replace(one, x=tuple(float(categories.index(figure.categories[round(x)])) for x in one.x))
            if one.slot < 0:
                if all(level.y != one.y for level in levels):
                    levels.append(replace(one, name=f"{name}: {one.name}"))
            else:
                series.append(replace(one, name=f"{name}: {one.name}", slot=len(series)))
    ranges = [figure.x_range for _, figure in named if figure.x_range]
    return replace(
        first,
        key=key,
        categories=categories,
        series=(*series, *levels),
        x_range=(min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None,
        marks=tuple(replace(mark, label=f"{name}: {mark.label}") for name, figure in named for mark in figure.marks),
    )


@_understanding
def document(run: RunRecord) -> dict[str, Any]:
    """The stable JSON document of a run, as `labtui show --json` prints it (docs/json.md)."""
    choice = best(run)
    resources = machine.taken_by(run)
    return {
        "run": {
            "id": run.id,
            "name": run.name,
            "experiment": run.experiment,
            "state": run.state,
            "config": dict(run.config),
            "created": run.created,
            "started": run.started,
            "ended": run.ended,
            "device": ", ".join(run.devices),
            "seats": run.seats,
            "threads": run.threads,
            "versions": dict(run.versions),
            "hardware": run.hardware,
            "recipe": dict(run.recipe) or None,
            "notes": dict(run.notes),
            "problem": run.problem,
            "path": str(run.path),
            **asdict(read_label(run.path)),
        },
        "best": None if choice is None else asdict(choice),
        "points": [
            {
                "index": point.index,
                "params": dict(point.params),
                "state": point.state,
                "attempt": point.attempt,
                "device": point.device,
                "result": None if point.result is None else dict(point.result),
                "error": None if point.error is None else dict(point.error),
                "resources": asdict(resources[point.index]) if point.index in resources else None,
            }
            for point in run.points
        ],
        "figures": [figure_document(figure) for figure in figures(run)],
        "findings": list(findings(run)),
        "listings": [asdict(listing) for listing in listings(run)],
    }


def figure_document(figure: Figure) -> dict[str, Any]:
    """A figure as plain values."""
    return {
        "key": figure.key,
        "title": figure.title,
        "x_label": figure.x_label,
        "y_label": figure.y_label,
        "series": [
            {"name": one.name, "x": one.x, "y": one.y, "y_low": one.y_low, "y_high": one.y_high}
            for one in figure.series
        ],
    }
