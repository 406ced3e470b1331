"""What a search says, from its records alone: the chosen trial, curves, trade-offs, importances. No Optuna here."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from statistics import fmean
from typing import Any

from engine.experiments.api import Choice, Column, Listing
from engine.experiments.cells import layer_labels
from engine.experiments.shared.choosing import Candidate, candidate, choose, front_of
from engine.experiments.shared.measured import baseline_of
from engine.experiments.shared.trials import Sought, Trial, TrialParams, curves, trials
from engine.figures.figure import Figure, Mark, Series
from engine.runtime.encoding import dumps, loads
from engine.runtime.files import read_private, replace
from engine.runtime.records import RunRecord
from engine.search.keys import TRIAL
from engine.search.series import OVER
from engine.search.series import Series as Searched
from engine.tasks.metric import Metric

IMPORTANCES = "importances.json"
EVERY = 4  # trials between two times that importances are worked out
AXES = {
    "bytes": "Bytes of the weights file",
    "bits": "Bits per weight",
    "operations": "Operations per sample",
    "latency": "Seconds per batch",
}


def candidates(sought: Sought, run: RunRecord) -> list[Candidate]:
    """The trials that may be chosen."""
    return [
        candidate(one.point, f"{name} trial {one.number}", sought.metric)
        for name, members in curves(trials(sought, run)).items()
        for one in members
        if one.good
    ]


def chosen(sought: Sought, run: RunRecord) -> Choice | None:
    """The smallest trial within one standard error of the best."""
    return choose(candidates(sought, run), sought.metric)


def best_so_far(metric: Metric, members: Sequence[Trial]) -> list[float | None]:
    """After each trial that is over, in order, the best validation score until then; None before there is one."""
    found: list[float | None] = []
    best: float | None = None
    for one in sorted(members, key=lambda one: one.number):
        if not one.over:
            break
        if one.good and one.judged:
            value = one.judged.validation.value
            best = value if best is None else max(best, value, key=metric.goodness)
        found.append(best)
    return found


def band(metric: Metric, members: Sequence[Trial]) -> list[tuple[int, float, float, float]]:
    """Trial, mean of best so far over the seeds, lowest and highest of them, where all seeds have one."""
    seeds: dict[int | None, list[Trial]] = {}
    for one in members:
        seeds.setdefault(one.params.seed, []).append(one)
    runs = [best_so_far(metric, own) for own in seeds.values()]
    found = []
    for number, values in enumerate(zip(*runs, strict=False)):
        known = [value for value in values if value is not None]
        if len(known) == len(values):
            found.append((number, fmean(known), min(known), max(known)))
    return found


def progress_figure(sought: Sought, run: RunRecord) -> Figure:
    """Best so far after each trial, a curve for each family, sampler or mode; trials count from 0 as in the table."""
    drawn, every = [], trials(sought, run)
    several = len({one.params.seed for one in every}) > 1
    for slot, (name, members) in enumerate(curves(every).items()):
        if rows := band(sought.metric, members):
            x, mean, low, high = (tuple(column) for column in zip(*rows, strict=True))
            bounds = (low, high) if several else (None, None)
            drawn.append(Series(name, tuple(map(float, x)), mean, bounds[0], bounds[1], "steps", slot))
    last = float(max((one.number for one in every), default=0))
    told = ["Every curve has the same budget."]
    if several:
        told.append("A curve's band reaches from the worst seed to the best, the curve is their mean.")
    if drawn and (level := _baseline(run, last, sought.metric)):
        drawn.append(level)
        if level.y_low:
            told.append(f"Shaded: two standard errors of the {level.name}.")
    return Figure(
        key="progress",
        title=f"Best validation {sought.metric.name} so far",
        x_label="Trial",
        y_label=f"Validation {sought.metric.name}",
        series=tuple(drawn),
        y_unit=sought.metric.unit,
        x_range=(0.0, last) if last else None,
        caption=" ".join(told),
    )


def _baseline(run: RunRecord, last: float, metric: Metric) -> Series | None:
    """The starting model on the same validation data, plus and minus two of its standard errors."""
    noted = baseline_of(run, metric)
    if noted is None or noted.validation is None:
        return None
    value, samples = noted.validation, noted.validation_samples
    ends = (0.0, max(1.0, last))
    if not samples:  # recorded before this was noted
        return Series("baseline", ends, (value,) * 2, kind="level", slot=-1)
    low, high = metric.around(value, 2 * metric.error(value, samples, noted.validation_error))
    return Series(f"baseline, n = {samples:,}", ends, (value,) * 2, (low,) * 2, (high,) * 2, "level", -1)


def trade_figure(sought: Sought, run: RunRecord, key: str, choice: Choice | None) -> Figure:
    """The validation score against bytes, operations or latency, with the front."""
    drawn, every = [], trials(sought, run)
    for slot, (name, members) in enumerate(curves(every).items()):
        if own := [place for one in members if (place := _place(one, key))]:
            x, y = zip(*own, strict=True)
            drawn.append(Series(name, x, y, kind="scatter", slot=slot))
    front = front_of((place for one in every if one.good and (place := _place(one, key))), sought.metric)
    if len(front) > 1:
        xs, ys = zip(*front, strict=True)
        drawn.append(Series("Pareto front", xs, ys, kind="steps", slot=-1))
    marks: tuple[Mark, ...] = ()
    best = None if choice is None else _trial_of(every, run, choice)
    if best is not None and (place := _place(best, key)):
        marks = (Mark(*place, f"best: trial {best.number}"),)
    return Figure(
        key=key,
        title=f"Validation {sought.metric.name} against {AXES[key].split(' ')[0].lower()}",
        x_label=AXES[key],
        y_label=f"Validation {sought.metric.name}",
        series=tuple(drawn),
        x_unit="bytes" if key == "bytes" else "seconds" if key == "latency" else "number",
        y_unit=sought.metric.unit,
        marks=marks,
        caption="One mark a trial. The front leaves out trials that break a constraint.",
    )


def _place(one: Trial, key: str) -> tuple[float, float] | None:
    """Where a trial lies in the figure; None where it was not measured."""
    measured = one.measured(key)
    return None if measured is None or one.judged is None else (measured, one.judged.validation.value)


def _trial_of(every: Sequence[Trial], run: RunRecord, choice: Choice) -> Trial | None:
    """The trial that was chosen; the choice may be the point that measured it on the test set."""
    index = TrialParams.from_record(run.points[choice.index].params).chosen
    return next((one for one in every if one.point.index == (choice.index if index is None else index)), None)


def importance_figure(run: RunRecord) -> Figure:
    """A bar for each parameter that matters most."""
    found = dict(list(importances(run).items())[:12])
    bars = Series("importance", tuple(map(float, range(len(found)))), tuple(found.values()), kind="bar")
    return Figure(
        key="importance",
        title="What decides whether a trial is among the best",
        x_label="Parameter",
        y_label="Importance",
        series=(bars,) if found else (),
        y_unit="percent",
        categories=tuple(layer_labels(tuple(found))),
        caption="PED-ANOVA over the finished trials of the curves with the most to choose.",
    )


def importances(run: RunRecord) -> dict[str, float]:
    """By parameter, as last worked out; empty before."""
    with suppress(OSError, ValueError):
        found: dict[str, float] = loads(read_private(run.path / "artifacts" / IMPORTANCES))
        return found
    return {}


def note_importances(series: Callable[[], Sequence[Searched]], run: RunRecord) -> None:
    """For the driver: works them out after every few trials, and after the last."""
    states = [point.state for point in run.points if TRIAL in point.params]
    over = sum(state in OVER for state in states)
    if over % EVERY == 0 or over == len(states):
        from engine.search.ended import importances as worked_out

        if found := worked_out(series(), run):
            replace(run.path / "artifacts" / IMPORTANCES, dumps(found).encode())


def listings(sought: Sought, run: RunRecord) -> list[Listing]:
    """The curves with what each has found, and the importances."""
    metric = sought.metric
    rows = tuple(_row(name, members, metric) for name, members in curves(trials(sought, run)).items())
    told_of = (
        Column("curve", "Curve"),
        Column("over", "Done", "number"),
        Column("trials", "Of", "number"),
        Column("pruned", "Pruned", "number"),
        Column(metric.validation, "Best", metric.unit, "validation_low", "validation_high"),
        Column("at", "At trial", "number"),
        Column("bytes", "Size", "bytes"),
    )
    decisive = tuple({"parameter": name, "importance": value} for name, value in importances(run).items())
    found = [
        Listing("curves", "Curves", told_of, rows, f"The {metric.best} validation {metric.name} of each."),
        Listing(
            "importance",
            "Importance of parameters",
            (Column("parameter", "Parameter"), Column("importance", "Importance", "percent")),
            decisive,
            "PED-ANOVA over the curves with the most to choose: what decides whether a trial is among the best.",
        ),
    ]
    return [one for one in found if one.rows]


def _row(name: str, members: Sequence[Trial], metric: Metric) -> dict[str, Any]:
    """What a curve has found."""
    row: dict[str, Any] = {
        "curve": name,
        "over": sum(one.over for one in members),
        "trials": len(members),
        "pruned": sum(one.point.state == "pruned" for one in members),
        "given": sum(one.params.given is not None for one in members),
    }
    able = [(one, one.judged) for one in members if one.good and one.judged]
    if able:
        top, judged = max(able, key=lambda one: metric.goodness(one[1].validation.value))
        row |= {"at": top.number, "point": top.point.index, **judged.to_record(metric)}
    return row
