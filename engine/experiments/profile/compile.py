"""Compiled against eager: points, how one runs, and what a run says."""

import math
from collections.abc import Sequence
from typing import Any

from engine.errors import InputError
from engine.experiments.api import Column, Listing
from engine.experiments.profile.config import ProfileConfig, short
from engine.experiments.profile.text import Values, apart, bars, by_point, finished, named, times
from engine.figures.figure import Figure, Series
from engine.figures.units import in_seconds
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, RunRecord

FURTHEST = 10.0  # the figure of total costs ends at so many times the calls after which compiling pays


def points(config: ProfileConfig) -> Sequence[Params]:
    """Each subject in each type at each batch size."""
    return [
        {"what": short(what), "subject": what, "dtype": dtype, "batch": batch}
        for what in config.subjects
        for dtype in config.dtypes
        for batch in config.batch_sizes
    ]


def check(config: ProfileConfig) -> None:
    """Raises InputError where torch.compile would find no C++ compiler for the CPU."""
    import os
    import shutil
    import sys

    from engine.runtime import devices

    compiler = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    if "cpu" in devices.resolve(config.device) and shutil.which(compiler) is None:
        raise InputError(f"torch.compile needs a C++ compiler on the CPU: install {compiler}, or set CXX to yours.")


def run(config: ProfileConfig, point: Point, context: Context) -> dict[str, Any]:
    """Loads, compiles, measures."""
    import torch

    from engine.profiling.compiling import measure
    from engine.profiling.specimen import model_of, specimen

    params = point.params
    stages = iter(range(5))

    def report(text: str) -> None:
        context.progress(point.index, next(stages), 5, text)

    report("loading")
    one = specimen(
        params["subject"],
        model_of(params["subject"], config.hidden, lambda *step: context.progress(point.index, *step)),
        dtype=getattr(torch, params["dtype"]),
        device=context.device,
        batch=params["batch"],
        sequence=config.sequence,
        seed=config.seed,
    )
    found = measure(one, context.device, config.repeats, report)
    cost, saved = found.first_call - found.compiled.median, found.eager.median - found.compiled.median
    return {
        "tokens": one.tokens,
        "start_up": found.start_up,
        "first_call": found.first_call,
        "time": found.compiled.median,
        "time_low": found.compiled.low,
        "time_high": found.compiled.high,
        "against": found.eager.median,
        "against_low": found.eager.low,
        "against_high": found.eager.high,
        "speedup": found.eager.median / found.compiled.median,
        "pays_after": pays_after(cost, saved),
        "difference": found.difference,
        "largest": found.largest,
        "graphs": found.graphs,
        "breaks": list(found.breaks),
        "disturbed": found.eager.disturbed or found.compiled.disturbed,
    }


def pays_after(cost: float, saved: float) -> int | None:
    """Calls after which compiling has cost less time than it saved; None where a call saves none."""
    return math.ceil(max(0.0, cost) / saved) if saved > 0 else None


def parts(params: Params) -> tuple[str, ...]:
    """What tells a point from others."""
    return params["what"], params["dtype"], f"batch {params['batch']}"


def figures(run: RunRecord) -> Sequence[Figure]:
    """A call eager and compiled, then what many calls cost in all."""
    done = named(run, parts)
    if not done:
        return ()
    names = [name for name, _, _ in done]
    series = {
        label: [(one[key], one[f"{key}_low"], one[f"{key}_high"]) for _, _, one in done]
        for label, key in (("eager", "against"), ("compiled", "time"))
    }
    caption = "Medians after warm-up; the whiskers are quartiles."
    drawn = [bars("calls", "A call, eager and compiled", names, series, y_label="Time of a call", caption=caption)]
    paying = [(name, one) for name, _, one in done if one["pays_after"]]
    return drawn + [_payoff(name, one, place) for place, (name, one) in enumerate(paying)]


def _payoff(name: str, one: Values, place: int) -> Figure:
    end = FURTHEST * one["pays_after"]
    calls = tuple(end ** (step / 40) for step in range(41))
    extra = one["first_call"] - one["time"]
    return Figure(
        key=f"payoff{place or ''}",
        title=f"All calls so far: {name}",
        x_label="Calls",
        y_label="Time in all",
        series=(
            Series("eager", calls, tuple(n * one["against"] for n in calls)),
            Series("compiled", calls, tuple(extra + n * one["time"] for n in calls), slot=1),
        ),
        y_unit="seconds",
        x_scale="log",
        y_scale="log",
        x_range=(1.0, end),
        caption="Worked out from the first call and the medians; compiling pays where the curves cross.",
    )


def listings(run: RunRecord) -> Sequence[Listing]:
    """The times with their quartiles, then the graph breaks."""
    done = named(run, parts)
    if not done:
        return ()
    rows = tuple({**one, "name": name} for name, _, one in done)
    columns = (
        Column("name", "Point"),
        Column("start_up", "Start-up", "seconds"),
        Column("first_call", "First call", "seconds"),
        Column("against", "Eager", "seconds"),
        Column("against_low", "from", "seconds"),
        Column("against_high", "to", "seconds"),
        Column("time", "Compiled", "seconds"),
        Column("time_low", "from", "seconds"),
        Column("time_high", "to", "seconds"),
        Column("graphs", "Graphs", "number"),
        Column("difference", "Max diff.", "number"),
    )
    tables = [Listing("times", "Eager and compiled", columns, rows, "Medians and quartiles after warm-up.")]
    broken = tuple({"name": name, "reason": text} for name, _, one in done for text in one["breaks"])
    if broken:
        reasons = (Column("name", "Point"), Column("reason", "Reason"))
        tables.append(Listing("breaks", "Graph breaks", reasons, broken, "Python runs between the graphs."))
    return tables


def findings(run: RunRecord) -> list[str]:
    """Whether compiling pays, and after how many calls; graph breaks; whether the outputs are the same."""
    sentences = by_point(run, parts, _say)
    done = [one for _, one in finished(run)]
    if done:
        longest = in_seconds(max(one["start_up"] for one in done))
        sentences.append(f"Before that the compiler took up to {longest} to start, once in each process.")
    if done and not any(one["breaks"] for one in done):
        sentences.append("No graph breaks: each forward is one graph.")
    return sentences


def _say(params: Params, one: Values) -> list[str]:
    sentences = [_verdict(one)]
    if one["breaks"]:
        sentences.append(f"the forward falls into {one['graphs']} graphs, because of: {'; '.join(one['breaks'])}.")
    if one["largest"] and one["difference"] > 1e-3 * one["largest"]:
        sentences.append(
            f"compiled outputs differ by {one['difference']:.2g} at most, where the largest is {one['largest']:.2g}."
        )
    if one["disturbed"]:
        sentences.append("other processes took part in these times; run it again when it is quiet.")
    return sentences


def _verdict(one: Values) -> str:
    cost, saved = one["first_call"] - one["time"], one["against"] - one["time"]
    if one["pays_after"] is None:
        text = (
            f"compiling costs {in_seconds(cost)} and never pays: a compiled call takes {in_seconds(one['time'])}, "
            f"an eager one {in_seconds(one['against'])}."
        )
        overlap = " The quartiles overlap, so the loss is uncertain."
        return text if apart(one, one, "time", "against") else text + overlap
    text = (
        f"compiling costs {in_seconds(cost)} and saves {in_seconds(saved)} a call: it pays after "
        f"{one['pays_after']:,} calls, which are then {times(one['speedup'])}."
    )
    if not apart(one, one, "time", "against"):
        text += " The quartiles overlap, so the saving is uncertain."
    return text
