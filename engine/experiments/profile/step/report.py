"""Figures and tables of a step, from the records alone."""

from collections.abc import Callable, Sequence

from engine.experiments.api import Column, Listing
from engine.experiments.cells import layer_labels
from engine.experiments.profile.bodies import BodyParams
from engine.experiments.profile.charts import bars
from engine.experiments.profile.step.measures import Spent, StepResult
from engine.experiments.profile.study import Named
from engine.figures.figure import Figure

Done = Named[BodyParams, StepResult]
Part = Callable[[StepResult], Sequence[Spent]]
DRAWN = 6
"""Bars of a figure."""


def _operators(one: StepResult) -> Sequence[Spent]:
    return one.operators


def _layers(one: StepResult) -> Sequence[Spent]:
    return one.layer_times


def _phases(one: StepResult) -> Sequence[Spent]:
    return one.phases


def figures(done: Sequence[Done]) -> Sequence[Figure]:
    """The slowest operators, then the slowest layers, a series for each point."""
    drawn = (
        _slowest("operators", "Operators: own time in a step", _operators, done),
        _slowest("layer_times", "Layers: own time, forward", _layers, done),
    )
    return [figure for figure in drawn if figure.categories]


def _slowest(key: str, title: str, part: Part, done: Sequence[Done]) -> Figure:
    totals: dict[str, float] = {}
    for one in done:
        for row in part(one.result):
            totals[row.name] = totals.get(row.name, 0.0) + row.own
    names = sorted(totals, key=lambda each: -totals[each])[:DRAWN]
    series = {}
    for one in done:
        own = {row.name: row.own for row in part(one.result)}
        series[one.name] = [own.get(each) for each in names]
    labels = layer_labels([each.removeprefix("aten::") for each in names])
    return bars(key, title, labels, series, y_label="Time in a step", caption="The slowest alone.")


def listings(done: Sequence[Done]) -> Sequence[Listing]:
    """Operators, layers and parts of the step, the slowest first."""
    tables = (
        _table(
            "operators",
            "Operators by time",
            _operators,
            done,
            "Seconds per step. Own: without what it called.",
        ),
        _table(
            "layers",
            "Layers by time",
            _layers,
            done,
            "Forward alone, seconds per step. Own: without the layers inside.",
        ),
        _table("phases", "Parts of a step", _phases, done, "Seconds per step, with the profiler running."),
    )
    return [table for table in tables if table.rows]


def _table(key: str, title: str, part: Part, done: Sequence[Done], caption: str) -> Listing:
    rows = tuple({"point": one.name, **row.to_record()} for one in done for row in part(one.result))
    known = [column for column in Spent.columns().values() if column.key != "kind" or key == "layers"]
    return Listing(key, title, (Column("point", "Point"), *known), rows, caption)
