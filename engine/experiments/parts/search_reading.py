"""What a search says, from its records alone: the chosen trial, curves, trade-offs, importances. No Optuna here."""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from statistics import fmean
from typing import Any

from engine.experiments.base import Choice, Column, Listing
from engine.experiments.cells import layer_label
from engine.experiments.parts.selection import Candidate, choose, front_of
from engine.figures.figure import Figure, Mark, Series
from engine.figures.units import in_percent
from engine.runtime.encoding import dumps, loads
from engine.runtime.files import read_private, replace
from engine.runtime.records import PointRecord, RunRecord
from engine.search.constraints import Constraint, feasible
from engine.search.series import GIVEN, OVER
from engine.search.series import Series as Searched
from engine.search.studies import CHOSEN

IMPORTANCES = "importances.json"
EVERY = 4  # trials between two times that importances are worked out
AXES = {
    "bytes": "Bytes of the weights file",
    "bits": "Bits per weight",
    "operations": "Operations per text",
    "latency": "Seconds per batch",
}
ACCURACY = "validation_accuracy"
LABELS = ("family", "sampler", "mode")


def trials(run: RunRecord) -> list[PointRecord]:
    """The points that are trials."""
    return [point for point in run.points if "trial" in point.params]


def curves(run: RunRecord) -> dict[str, list[PointRecord]]:
    """The trials of each curve, in the order in which the curves begin, by what they differ in but the seed."""
    points = trials(run)
    known = [key for key in LABELS if points and key in points[0].params]
    differing = [key for key in known if len({point.params[key] for point in points}) > 1] or known[:1]
    found: dict[str, list[PointRecord]] = {}
    for point in points:
        found.setdefault(", ".join(str(point.params[key]) for key in differing), []).append(point)
    return found


def good(limits: Sequence[Constraint], point: PointRecord) -> bool:
    """Whether a trial has a result that keeps the constraints."""
    return point.state == "finished" and point.result is not None and feasible(limits, point.result)


def candidates(limits: Sequence[Constraint], run: RunRecord) -> list[Candidate]:
    """The trials that may be chosen."""
    return [
        Candidate(
            point.index,
            f"{name} trial {point.params['trial']}",
            result["bytes"],
            result[ACCURACY],
            result["validation_samples"],
        )
        for name, members in curves(run).items()
        for point in members
        if good(limits, point) and (result := point.result)
    ]


def chosen(limits: Sequence[Constraint], run: RunRecord) -> Choice | None:
    """The smallest trial within one standard error of the best."""
    return choose(candidates(limits, run))


def best_so_far(limits: Sequence[Constraint], members: Sequence[PointRecord]) -> list[float | None]:
    """After each trial that is over, in order, the highest validation accuracy until then; None before there is one."""
    found: list[float | None] = []
    highest: float | None = None
    for point in sorted(members, key=lambda one: one.params["trial"]):
        if point.state not in OVER:
            break
        if good(limits, point) and point.result:
            value = float(point.result[ACCURACY])
            highest = value if highest is None else max(highest, value)
        found.append(highest)
    return found


def band(limits: Sequence[Constraint], members: Sequence[PointRecord]) -> list[tuple[int, float, float, float]]:
    """Number of trials, mean of best so far over the seeds, lowest and highest of them, where all seeds have one."""
    seeds: dict[Any, list[PointRecord]] = {}
    for point in members:
        seeds.setdefault(point.params.get("seed"), []).append(point)
    runs = [best_so_far(limits, own) for own in seeds.values()]
    found = []
    for number, values in enumerate(zip(*runs, strict=False), start=1):
        known = [value for value in values if value is not None]
        if len(known) == len(values):
            found.append((number, fmean(known), min(known), max(known)))
    return found


def progress_figure(limits: Sequence[Constraint], run: RunRecord) -> Figure:
    """Best so far against trials, a curve for each family, sampler or mode."""
    drawn = []
    several = len({point.params.get("seed") for point in trials(run)}) > 1
    for slot, (name, members) in enumerate(curves(run).items()):
        if rows := band(limits, members):
            x, mean, low, high = (tuple(column) for column in zip(*rows, strict=True))
            bounds = (low, high) if several else (None, None)
            drawn.append(Series(name, tuple(map(float, x)), mean, y_low=bounds[0], y_high=bounds[1], slot=slot))
    budget = max((point.params["trial"] + 1 for point in trials(run)), default=1)
    baseline = run.notes.get("baseline") or {}
    if drawn and ACCURACY in baseline:
        ends = (1.0, float(max(2, budget)))
        drawn.append(Series("baseline", ends, (baseline[ACCURACY],) * 2, kind="level", slot=-1))
    about = " The band reaches from the worst seed to the best, the curve is their mean." if several else ""
    return Figure(
        key="progress",
        title="Best validation accuracy so far",
        x_label="Trials",
        y_label="Validation accuracy",
        series=tuple(drawn),
        y_unit="percent",
        x_range=(1.0, float(budget)) if budget > 1 else None,
        caption=f"Every curve has the same budget.{about}",
    )


def trade_figure(limits: Sequence[Constraint], run: RunRecord, key: str, choice: Choice | None) -> Figure:
    """Validation accuracy against bytes, operations or latency, with the front."""
    drawn = []
    for slot, (name, members) in enumerate(curves(run).items()):
        own = [point.result for point in members if point.state == "finished" and point.result and key in point.result]
        if own:
            x = tuple(float(result[key]) for result in own)
            drawn.append(Series(name, x, tuple(float(result[ACCURACY]) for result in own), kind="scatter", slot=slot))
    kept = [point.result for point in trials(run) if good(limits, point) and point.result and key in point.result]
    front = front_of((float(result[key]), float(result[ACCURACY])) for result in kept)
    if len(front) > 1:
        xs, ys = zip(*front, strict=True)
        drawn.append(Series("Pareto front", xs, ys, kind="steps", slot=-1))
    marks: tuple[Mark, ...] = ()
    if choice is not None and (result := run.points[choice.index].result) and key in result:
        marks = (Mark(float(result[key]), float(result[ACCURACY]), f"best: trial {_number(run, choice)}"),)
    return Figure(
        key=key,
        title=f"Validation accuracy against {AXES[key].split(' ')[0].lower()}",
        x_label=AXES[key],
        y_label="Validation accuracy",
        series=tuple(drawn),
        x_unit="bytes" if key == "bytes" else "seconds" if key == "latency" else "number",
        y_unit="percent",
        marks=marks,
        caption="One mark a trial. The front leaves out trials that break a constraint.",
    )


def _number(run: RunRecord, choice: Choice) -> int:
    point = run.points[choice.index]
    trial = run.points[point.params[CHOSEN]] if CHOSEN in point.params else point
    return int(trial.params["trial"])


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
        categories=tuple(layer_label(name) for name in found),
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
        from engine.search.after import importances as worked_out

        if found := worked_out(series(), run):
            replace(run.path / "artifacts" / IMPORTANCES, dumps(found).encode())


def listings(limits: Sequence[Constraint], run: RunRecord) -> list[Listing]:
    """The curves with what each has found, and the importances."""
    rows = []
    for name, members in curves(run).items():
        able = [point for point in members if good(limits, point) and point.result]
        top = max(able, key=lambda point: (point.result or {})[ACCURACY], default=None)
        told = {"curve": name, "over": sum(point.state in OVER for point in members), "trials": len(members)}
        told |= {"pruned": sum(point.state == "pruned" for point in members)}
        told |= {"given": sum(GIVEN in point.params for point in members)}
        if top is not None:
            told |= {"at": top.params["trial"], "point": top.index, **(top.result or {})}
        rows.append(told)
    told_of = (
        Column("curve", "Curve"),
        Column("over", "Done", "number"),
        Column("trials", "Of", "number"),
        Column("pruned", "Pruned", "number"),
        Column(ACCURACY, "Best", "percent", "validation_low", "validation_high"),
        Column("at", "At trial", "number"),
        Column("bytes", "Size", "bytes"),
    )
    decisive = tuple({"parameter": name, "importance": value} for name, value in importances(run).items())
    found = [
        Listing("curves", "Curves", told_of, tuple(rows), "The highest validation accuracy of each."),
        Listing(
            "importance",
            "Importance of parameters",
            (Column("parameter", "Parameter"), Column("importance", "Importance", "percent")),
            decisive,
            "PED-ANOVA over the curves with the most to choose: what decides whether a trial is among the best.",
        ),
    ]
    return [one for one in found if one.rows]


def findings(limits: Sequence[Constraint], run: RunRecord) -> list[str]:
    """Which curve is ahead and by how much, what the chosen trial does on the test set, what breaks constraints."""
    told = []
    ends = {name: rows[-1] for name, members in curves(run).items() if (rows := band(limits, members))}
    if len(ends) > 1:
        ranked = sorted(ends, key=lambda name: -ends[name][1])
        top, low = ends[ranked[0]], ends[ranked[-1]]
        ahead = [name for name in ranked if ends[name][1] == top[1]]
        last = [name for name in ranked if ends[name][1] == low[1]]
        behind = f", the lowest is {in_percent(low[1])} % by {_listed(last)}" if len(ahead) < len(ranked) else ""
        samples = next((c.samples for c in candidates(limits, run)), 0)
        error = math.sqrt(top[1] * (1 - top[1]) / samples) if samples else 0.0
        told.append(f"After {top[0]} trials the lead is with {_listed(ahead)} at {in_percent(top[1])} %{behind}.")
        if len(ahead) < len(ranked) and top[1] - low[1] < 2 * error:
            told.append(
                f"Two standard errors are {200 * error:.1f} points at n={samples:,}: the curves are too close to rank."
            )
    ended = [point for point in trials(run) if point.state == "finished"]
    broken = sum(not good(limits, point) for point in ended)
    if broken:
        told.append(f"{broken} of {len(ended)} finished trials break a constraint; they are never chosen.")
    return told + [_tested(run, point) for point in run.finished if CHOSEN in point.params]


def _tested(run: RunRecord, point: PointRecord) -> str:
    result = point.result or {}
    trial = run.points[point.params[CHOSEN]]
    curve = next(name for name, members in curves(run).items() if trial in members)
    accuracy, low, high = (in_percent(result[key]) for key in ("accuracy", "accuracy_low", "accuracy_high"))
    delta, below, above = (in_percent(result[key], signed=True) for key in ("delta", "delta_low", "delta_high"))
    return (
        f"Chosen on validation data: {curve}, trial {trial.params['trial']}. On the test set, looked at "
        f"once, it reaches {accuracy} % ({low} to {high}): {delta} points against the starting model "
        f"({below} to {above})."
    )


def _listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, or `a; b and c`: names hold commas."""
    return " and ".join(filter(None, ("; ".join(names[:-1]), names[-1])))
