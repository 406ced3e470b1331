"""What a search says, from its records alone: the chosen trial, curves, trade-offs, importances. No Optuna here."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from engine.experiments.api import Choice, Column, Listing
from engine.experiments.cells import layer_labels
from engine.experiments.shared.choosing import Candidate, candidate, choose, front_of
from engine.experiments.shared.measured import baseline_of
from engine.figures.figure import Figure, Mark, Series
from engine.runtime.encoding import dumps, loads
from engine.runtime.files import read_private, replace
from engine.runtime.records import PointRecord, RunRecord
from engine.search.constraints import Constraint, feasible
from engine.search.keys import CHOSEN, GIVEN, LABELS, SEED, TRIAL
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


@dataclass(frozen=True, slots=True)
class Sought:
    """What a search looks for: the best score by this metric among the trials that keep the limits."""

    limits: tuple[Constraint, ...]
    metric: Metric


def trials(run: RunRecord) -> list[PointRecord]:
    """The points that are trials."""
    return [point for point in run.points if TRIAL in point.params]


def curves(run: RunRecord) -> dict[str, list[PointRecord]]:
    """The trials of each curve, in the order in which the curves begin, by what they differ in but the seed."""
    points = trials(run)
    known = [key for key in LABELS if points and key in points[0].params]
    differing = [key for key in known if len({point.params[key] for point in points}) > 1] or known[:1]
    found: dict[str, list[PointRecord]] = {}
    for point in points:
        found.setdefault(", ".join(str(point.params[key]) for key in differing), []).append(point)
    return found


def good(sought: Sought, point: PointRecord) -> bool:
    """Whether a trial has a result that keeps the constraints."""
    return point.state == "finished" and point.result is not None and feasible(sought.limits, point.result)


def candidates(sought: Sought, run: RunRecord) -> list[Candidate]:
    """The trials that may be chosen."""
    return [
        candidate(point, f"{name} trial {point.params[TRIAL]}", sought.metric)
        for name, members in curves(run).items()
        for point in members
        if good(sought, point)
    ]


def chosen(sought: Sought, run: RunRecord) -> Choice | None:
    """The smallest trial within one standard error of the best."""
    return choose(candidates(sought, run), sought.metric)


def best_so_far(sought: Sought, members: Sequence[PointRecord]) -> list[float | None]:
    """After each trial that is over, in order, the best validation score until then; None before there is one."""
    metric = sought.metric
    found: list[float | None] = []
    best: float | None = None
    for point in sorted(members, key=lambda one: one.params[TRIAL]):
        if point.state not in OVER:
            break
        if good(sought, point) and point.result:
            value = float(point.result[metric.validation])
            best = value if best is None else max(best, value, key=metric.goodness)
        found.append(best)
    return found


def band(sought: Sought, members: Sequence[PointRecord]) -> list[tuple[int, float, float, float]]:
    """Trial, mean of best so far over the seeds, lowest and highest of them, where all seeds have one."""
    seeds: dict[Any, list[PointRecord]] = {}
    for point in members:
        seeds.setdefault(point.params.get(SEED), []).append(point)
    runs = [best_so_far(sought, own) for own in seeds.values()]
    found = []
    for number, values in enumerate(zip(*runs, strict=False)):
        known = [value for value in values if value is not None]
        if len(known) == len(values):
            found.append((number, fmean(known), min(known), max(known)))
    return found


def progress_figure(sought: Sought, run: RunRecord) -> Figure:
    """Best so far after each trial, a curve for each family, sampler or mode; trials count from 0 as in the table."""
    drawn = []
    several = len({point.params.get(SEED) for point in trials(run)}) > 1
    for slot, (name, members) in enumerate(curves(run).items()):
        if rows := band(sought, members):
            x, mean, low, high = (tuple(column) for column in zip(*rows, strict=True))
            bounds = (low, high) if several else (None, None)
            drawn.append(Series(name, tuple(map(float, x)), mean, bounds[0], bounds[1], "steps", slot))
    last = float(max((point.params[TRIAL] for point in trials(run)), default=0))
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
    score = sought.metric.validation
    drawn = []
    for slot, (name, members) in enumerate(curves(run).items()):
        own = [point.result for point in members if point.state == "finished" and point.result and key in point.result]
        if own:
            x = tuple(float(result[key]) for result in own)
            drawn.append(Series(name, x, tuple(float(result[score]) for result in own), kind="scatter", slot=slot))
    kept = [point.result for point in trials(run) if good(sought, point) and point.result and key in point.result]
    front = front_of(((float(result[key]), float(result[score])) for result in kept), sought.metric)
    if len(front) > 1:
        xs, ys = zip(*front, strict=True)
        drawn.append(Series("Pareto front", xs, ys, kind="steps", slot=-1))
    marks: tuple[Mark, ...] = ()
    if choice is not None and (result := run.points[choice.index].result) and key in result:
        marks = (Mark(float(result[key]), float(result[score]), f"best: trial {_number(run, choice)}"),)
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


def _number(run: RunRecord, choice: Choice) -> int:
    point = run.points[choice.index]
    trial = run.points[point.params[CHOSEN]] if CHOSEN in point.params else point
    return int(trial.params[TRIAL])


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
    over = sum(point.state in OVER for point in trials(run))
    if over % EVERY == 0 or over == len(trials(run)):
        from engine.search.ended import importances as worked_out

        if found := worked_out(series(), run):
            replace(run.path / "artifacts" / IMPORTANCES, dumps(found).encode())


def listings(sought: Sought, run: RunRecord) -> list[Listing]:
    """The curves with what each has found, and the importances."""
    metric = sought.metric
    rows = []
    for name, members in curves(run).items():
        able = [point for point in members if good(sought, point) and point.result]
        top = max(able, key=lambda point: metric.goodness((point.result or {})[metric.validation]), default=None)
        told = {"curve": name, "over": sum(point.state in OVER for point in members), "trials": len(members)}
        told |= {"pruned": sum(point.state == "pruned" for point in members)}
        told |= {"given": sum(GIVEN in point.params for point in members)}
        if top is not None:
            told |= {"at": top.params[TRIAL], "point": top.index, **(top.result or {})}
        rows.append(told)
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
        Listing("curves", "Curves", told_of, tuple(rows), f"The {metric.best} validation {metric.name} of each."),
        Listing(
            "importance",
            "Importance of parameters",
            (Column("parameter", "Parameter"), Column("importance", "Importance", "percent")),
            decisive,
            "PED-ANOVA over the curves with the most to choose: what decides whether a trial is among the best.",
        ),
    ]
    return [one for one in found if one.rows]


def findings(sought: Sought, run: RunRecord) -> list[str]:
    """Which curve is ahead and by how much, what the chosen trial does on the test set, what breaks constraints."""
    metric = sought.metric
    told = []
    ends = {name: rows[-1] for name, members in curves(run).items() if (rows := band(sought, members))}
    if len(ends) > 1:
        ranked = sorted(ends, key=lambda name: -metric.goodness(ends[name][1]))
        top, low = ends[ranked[0]], ends[ranked[-1]]
        ahead = [name for name in ranked if ends[name][1] == top[1]]
        last = [name for name in ranked if ends[name][1] == low[1]]
        worst = "lowest" if metric.better == "higher" else "highest"
        behind = f", the {worst} is {metric.written(low[1])} by {_listed(last)}" if len(ahead) < len(ranked) else ""
        told.append(f"After {top[0] + 1} trials the lead is with {_listed(ahead)} at {metric.written(top[1])}{behind}.")
        lead = max(candidates(sought, run), key=lambda one: metric.goodness(one.score), default=None)
        apart = metric.scale(top[1]) - metric.scale(low[1])
        if lead is not None and len(ahead) < len(ranked) and apart < 2 * lead.error:
            spread = metric.spread(2 * lead.error)
            told.append(f"Two standard errors are {spread} at n={lead.samples:,}: the curves are too close to rank.")
    ended = [point for point in trials(run) if point.state == "finished"]
    broken = sum(not good(sought, point) for point in ended)
    if broken:
        told.append(f"{broken} of {len(ended)} finished trials break a constraint; they are never chosen.")
    return told + [_tested(run, point, metric) for point in run.finished if CHOSEN in point.params]


def _tested(run: RunRecord, point: PointRecord, metric: Metric) -> str:
    result = point.result or {}
    trial = run.points[point.params[CHOSEN]]
    curve = next(name for name, members in curves(run).items() if trial in members)
    value, low, high = (result[key] for key in metric.bounded())
    delta, below, above = (metric.said(result[key], signed=True) for key in ("delta", "delta_low", "delta_high"))
    points = " points" if metric.unit == "percent" else ""
    return (
        f"Chosen on validation data: {curve}, trial {trial.params[TRIAL]}. On the test set, looked at "
        f"once, it reaches {metric.written(value)} ({metric.said(low)} to {metric.said(high)}): {delta}{points} "
        f"against the starting model ({below} to {above})."
    )


def _listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, or `a; b and c`: names hold commas."""
    return " and ".join(filter(None, ("; ".join(names[:-1]), names[-1])))
