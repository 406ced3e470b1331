"""A step operator by operator: points, how one runs, and what a run says."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.experiments.api import Column, Listing
from engine.experiments.cells import layer_labels
from engine.experiments.profile.config import ProfileConfig, short
from engine.experiments.profile.text import Values, bars, by_point, named, share
from engine.figures.figure import Figure
from engine.figures.units import in_seconds
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, RunRecord

if TYPE_CHECKING:
    from engine.profiling.steps import Spent

TRACE = "trace.json"
_DRAWN, _NAMED = 6, 3
COLUMNS = (
    Column("point", "Point"),
    Column("name", "Name"),
    Column("kind", "Kind"),
    Column("calls", "Calls", "number"),
    Column("own", "Own", "seconds"),
    Column("total", "Total", "seconds"),
    Column("share", "Share", "percent"),
)
TABLES = {
    "operators": ("Operators by time", "Seconds per step. Own: without the operators that it called."),
    "layers": ("Layers by time", "Forward alone, seconds per step. Own: without the layers inside."),
    "phases": ("Parts of a step", "Seconds per step, with the profiler running."),
}


def points(config: ProfileConfig) -> Sequence[Params]:
    """Each subject in each type at each batch size."""
    return [
        {"what": f"{short(what)} {config.mode}", "subject": what, "dtype": dtype, "batch": batch}
        for what in config.subjects
        for dtype in config.dtypes
        for batch in config.batch_sizes
    ]


def check(config: ProfileConfig) -> None:
    """Nothing that could be missing."""


def run(config: ProfileConfig, point: Point, context: Context) -> dict[str, Any]:
    """Times steps, profiles some more, and keeps the trace."""
    import torch

    from engine.profiling.specimen import model_of, specimen
    from engine.profiling.steps import measure
    from engine.runtime.files import write_durably

    params = point.params
    context.progress(point.index, 0, 2, "loading")
    one = specimen(
        params["subject"],
        model_of(params["subject"], config.hidden, lambda *step: context.progress(point.index, *step)),
        dtype=getattr(torch, params["dtype"]),
        device=context.device,
        batch=params["batch"],
        sequence=config.sequence,
        seed=config.seed,
    )
    path = context.point_artifact(point.index, TRACE)

    def keep(profiler: Any) -> None:
        write_durably(path, lambda partial: profiler.export_chrome_trace(str(partial)))

    context.progress(point.index, 1, 2, "profiling")
    found = measure(
        one,
        context.device,
        training=config.mode == "training",
        steps=config.steps,
        repeats=config.repeats,
        keep=keep if config.trace else None,
    )
    return {
        "tokens": one.tokens,
        "time": found.time.median,
        "time_low": found.time.low,
        "time_high": found.time.high,
        "profiled": found.profiled,
        "bytes": found.memory,
        "operators": _rows(found.operators),
        "layer_times": _rows(found.layers),
        "phases": _rows(found.phases),
        "trace": str(path.relative_to(context.directory)) if config.trace else None,
    }


def _rows(spent: "Sequence[Spent]") -> list[dict[str, Any]]:
    whole = sum(one.own for one in spent)
    return [
        {
            "name": one.name or "(the model itself)",
            "kind": one.kind,
            "calls": one.calls,
            "own": one.own,
            "total": one.total,
            "share": one.own / whole if whole else 0.0,
        }
        for one in spent
    ]


def parts(params: Params) -> tuple[str, ...]:
    """What tells a point from others."""
    return params["what"], params["dtype"], f"batch {params['batch']}"


def figures(run: RunRecord) -> Sequence[Figure]:
    """The slowest operators, then the slowest layers, a series for each point."""
    done = named(run, parts)
    drawn = []
    for key, title in (("operators", "Operators: own time in a step"), ("layer_times", "Layers: own time, forward")):
        totals: dict[str, float] = {}
        for _, _, one in done:
            for row in one[key]:
                totals[row["name"]] = totals.get(row["name"], 0.0) + row["own"]
        names = sorted(totals, key=lambda each: -totals[each])[:_DRAWN]
        series = {}
        for name, _, one in done:
            own = {row["name"]: row["own"] for row in one[key]}
            series[name] = [own.get(each) for each in names]
        if names:
            short_names = layer_labels([each.removeprefix("aten::") for each in names])
            drawn.append(bars(key, title, short_names, series, y_label="Time in a step", caption="The slowest alone."))
    return drawn


def listings(run: RunRecord) -> Sequence[Listing]:
    """Operators, layers and parts of the step, the slowest first."""
    tables = []
    for key, source in (("operators", "operators"), ("layers", "layer_times"), ("phases", "phases")):
        title, caption = TABLES[key]
        rows = tuple({"point": name, **row} for name, _, one in named(run, parts) for row in one[source])
        columns = COLUMNS if key == "layers" else tuple(column for column in COLUMNS if column.key != "kind")
        if rows:
            tables.append(Listing(key, title, columns, rows, caption))
    return tables


def findings(run: RunRecord) -> list[str]:
    """Where the time goes, what the profiler itself costs, and where the trace is."""

    def say(params: Params, one: Values) -> list[str]:
        sentences = [
            f"a step takes {in_seconds(one['time'])} ({in_seconds(one['time_low'])} to "
            f"{in_seconds(one['time_high'])}); under the profiler {in_seconds(one['profiled'])}.",
            *_slowest(one),
        ]
        if len(one["phases"]) > 1:
            sentences.append(f"of a step, {_named(one['phases'])}.")
        if one["trace"]:
            sentences.append(f"the Chrome trace is {Path(run.path) / one['trace']}; open it at ui.perfetto.dev.")
        return sentences

    return by_point(run, parts, say)


def _slowest(one: Values) -> list[str]:
    operators, layers = one["operators"], one["layer_times"]
    sentences = []
    if first := operators[:_NAMED]:
        sentences.append(
            f"{share(sum(row['share'] for row in first))} of the operators' time goes to {len(first)} of "
            f"{len(operators)}: {_named(first)}."
        )
    if first := layers[:_NAMED]:
        sentences.append(f"of the time in layers (forward) most goes to {_named(first)}.")
    return sentences


def _named(rows: Sequence[Values]) -> str:
    return ", ".join(f"{row['name']} {share(row['share'])}" for row in rows)
