"""Figures and tables of compiled against eager, from the records alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.experiments.api import Column, Listing
from engine.experiments.profile.bodies import BodyParams
from engine.experiments.profile.charts import bars
from engine.experiments.profile.compile.measures import CompileResult
from engine.experiments.profile.study import Named
from engine.figures.figure import Figure, Series

FURTHEST = 10.0  # the figure of total costs ends at so many times the calls after which compiling pays


def figures(done: Sequence[Named[BodyParams, CompileResult]]) -> Sequence[Figure]:
    """A call eager and compiled, then what many calls cost in all."""
    if not done:
        return ()
    series = {"eager": [one.result.against for one in done], "compiled": [one.result.time for one in done]}
    names, caption = [one.name for one in done], "Medians after warm-up; the whiskers are quartiles."
    drawn = [bars("calls", "A call, eager and compiled", names, series, y_label="Time of a call", caption=caption)]
    paying = [(one.name, one.result, one.result.pays_after) for one in done if one.result.pays_after]
    return drawn + [_payoff(name, one, after, place) for place, (name, one, after) in enumerate(paying)]


def _payoff(name: str, one: CompileResult, pays_after: int, place: int) -> Figure:
    end = FURTHEST * pays_after
    calls = tuple(end ** (step / 40) for step in range(41))
    return Figure(
        key=f"payoff{place or ''}",
        title=f"All calls so far: {name}",
        x_label="Calls",
        y_label="Time in all",
        series=(
            Series("eager", calls, tuple(n * one.against.value for n in calls)),
            Series("compiled", calls, tuple(one.cost + n * one.time.value for n in calls), slot=1),
        ),
        y_unit="seconds",
        x_scale="log",
        y_scale="log",
        x_range=(1.0, end),
        caption="Worked out from the first call and the medians; compiling pays where the curves cross.",
    )


def listings(done: Sequence[Named[BodyParams, CompileResult]]) -> Sequence[Listing]:
    """The times with their quartiles, then the graph breaks."""
    if not done:
        return ()
    known = CompileResult.columns()
    columns = (
        Column("name", "Point"),
        known["start_up"],
        replace(known["first_call"], label="First call"),
        Column("against", "Eager", "seconds"),
        Column("against_low", "from", "seconds"),
        Column("against_high", "to", "seconds"),
        Column("time", "Compiled", "seconds"),
        Column("time_low", "from", "seconds"),
        Column("time_high", "to", "seconds"),
        known["graphs"],
        known["difference"],
    )
    rows: tuple[dict[str, Any], ...] = tuple({**one.result.to_record(), "name": one.name} for one in done)
    tables = [Listing("times", "Eager and compiled", columns, rows, "Medians and quartiles after warm-up.")]
    broken = tuple({"name": one.name, "reason": text} for one in done for text in one.result.breaks)
    if broken:
        reasons = (Column("name", "Point"), Column("reason", "Reason"))
        tables.append(Listing("breaks", "Graph breaks", reasons, broken, "Python runs between the graphs."))
    return tables
