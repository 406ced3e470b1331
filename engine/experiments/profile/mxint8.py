"""The MXINT8 kernels beside their alternatives and the copy limit: points, how one runs, and what a run says."""

import math
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from engine.errors import InputError
from engine.experiments.api import Column, Listing
from engine.experiments.profile.config import ProfileConfig
from engine.experiments.profile.text import Values, apart, bars, by_point, named, share, times
from engine.figures.figure import Figure
from engine.figures.units import in_seconds
from engine.runtime import devices
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, RunRecord

COPY, OURS = "copy", "labtui"
STAGES = ("labtui", "torch eager", "torch.compile", "Triton", "timing")


def points(config: ProfileConfig) -> Sequence[Params]:
    """Elements × groups × types."""
    return [
        {"what": f"{elements:,} in groups of {group}", "elements": elements, "group": group, "dtype": dtype}
        for elements in config.elements
        for group in config.groups
        for dtype in config.decoded
    ]


def check(config: ProfileConfig) -> None:
    """Raises InputError where the device has no kernels. A compiler that is missing is a result of its own."""
    if devices.CPU not in devices.resolve(config.device) and find_spec("numba_cuda") is None:
        raise InputError("MXINT8 has no kernels for this GPU yet: `make cuda13` (or `make cuda12`) installs them.")


def run(config: ProfileConfig, point: Point, context: Context) -> dict[str, Any]:
    """The bench of `cuda_kernels` at one size."""
    import torch

    from cuda_kernels.bench import measure

    params = point.params
    kernels: list[dict[str, Any]] = [
        {
            "kernel": found.name,
            "time": _known(found.median),
            "time_low": _known(found.low),
            "time_high": _known(found.high),
            "rate": _known(found.rate / 1e9),
            "share": _known(found.share_of_copy),
            "note": found.note,
        }
        for found in measure(
            context.device,
            params["elements"],
            params["group"],
            getattr(torch, params["dtype"]),
            config.repeats,
            lambda name: context.progress(point.index, STAGES.index(name), len(STAGES), name),
        )
    ]
    ours = next(one for one in kernels if one["kernel"] == OURS)
    others = [one for one in kernels if one["kernel"] not in (OURS, COPY) and one["time"] is not None]
    next_best = min((one["time"] for one in others), default=None)
    return {
        "kernels": kernels,
        "time": ours["time"],
        "against": next_best,
        "speedup": next_best / ours["time"] if next_best else None,
        "share": ours["share"],
        "rate": ours["rate"],
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def parts(params: Params) -> tuple[str, ...]:
    """What tells a point from others."""
    return f"{params['elements']:,} numbers", f"groups of {params['group']}", str(params["dtype"])


def figures(run: RunRecord) -> Sequence[Figure]:
    """Bytes per second of each kernel, a series for each point."""
    done = named(run, parts)
    if not done:
        return ()
    names = list(dict.fromkeys(row["kernel"] for _, _, one in done for row in one["kernels"]))

    def rate(one: Values, kernel: str) -> tuple[float, float, float] | None:
        row = next((row for row in one["kernels"] if row["kernel"] == kernel and row["time"] is not None), None)
        if row is None:
            return None
        moved = row["rate"] * row["time"]
        return row["rate"], moved / row["time_high"], moved / row["time_low"]

    series = {name: [rate(one, kernel) for kernel in names] for name, _, one in done}
    caption = "Bytes that must move, over the median time; the whiskers are quartiles. No kernel is to beat the copy."
    return [bars("rate", "MXINT8 decoded, GB/s", names, series, y_label="GB/s", y_unit="number", caption=caption)]


def listings(run: RunRecord) -> Sequence[Listing]:
    """Every kernel at every size."""
    rows = tuple({"point": name, **row} for name, _, one in named(run, parts) for row in one["kernels"])
    columns = (
        Column("point", "Point"),
        Column("kernel", "Kernel"),
        Column("time", "Time", "seconds"),
        Column("time_low", "from", "seconds"),
        Column("time_high", "to", "seconds"),
        Column("rate", "GB/s", "number"),
        Column("share", "of copy", "percent"),
        Column("note", "Note"),
    )
    return [Listing("kernels", "Kernels", columns, rows, "Median and quartiles, in turns.")] if rows else []


def findings(run: RunRecord) -> list[str]:
    """How near to the copy ours is, how far ahead of the others, what could not be measured."""
    return by_point(run, parts, _say)


def _say(params: Params, one: Values) -> list[str]:
    rows = {row["kernel"]: row for row in one["kernels"]}
    ours = rows[OURS]
    unsure = "" if apart(ours, rows[COPY]) else " (the quartiles overlap)"
    sentences = [
        f"decoding takes {in_seconds(ours['time'])}, {ours['rate']:.1f} GB/s, which is {share(ours['share'])} of what "
        f"copying as many bytes reaches here{unsure}."
    ]
    others = [row for row in rows.values() if row["kernel"] not in (COPY, OURS) and row["time"] is not None]
    if others:
        compared = ", ".join(
            f"{times(row['time'] / ours['time'])} as {row['kernel']}"
            + ("" if apart(ours, row) else " (the quartiles overlap)")
            for row in others
        )
        sentences.append(f"that is {compared}.")
    return sentences + [f"{row['kernel']}: {row['note']}." for row in rows.values() if row["note"]]
