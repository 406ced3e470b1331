"""Naive against fused attention: points, how one runs, and what a run says."""

from collections.abc import Iterator, Sequence
from typing import Any

from engine.experiments.api import Column, Listing
from engine.experiments.profile.config import ProfileConfig
from engine.experiments.profile.text import Values, finished, times
from engine.figures.figure import Figure, Series, Unit
from engine.figures.units import in_bytes, in_seconds
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, RunRecord

NAIVE = "naive"
SETTINGS = ("head_size", "dtype", "mask")
COLUMNS = (
    Column("shape", "Shape"),
    Column("way", "Way"),
    Column("time", "Time", "seconds"),
    Column("time_low", "from", "seconds"),
    Column("time_high", "to", "seconds"),
    Column("bytes", "Peak", "bytes"),
    Column("difference", "Max diff.", "number"),
    Column("note", "Note"),
)


def points(config: ProfileConfig) -> Sequence[Params]:
    """Head sizes × types × masks, each over the lengths."""
    return [
        {
            "what": f"{config.heads}×{length}×{head_size} {mask}",
            "length": length,
            "head_size": head_size,
            "dtype": dtype,
            "mask": mask,
        }
        for head_size in config.head_sizes
        for dtype in config.dtypes
        for mask in config.masks
        for length in config.lengths
    ]


def check(config: ProfileConfig) -> None:
    """Nothing that could be missing."""


def run(config: ProfileConfig, point: Point, context: Context) -> dict[str, Any]:
    """All ways at one shape; the point's own numbers are the fastest fused way beside the naive one."""
    import torch

    from engine.profiling.attention import BACKENDS, Shape, measure

    params = point.params
    total = len(BACKENDS[torch.device(context.device).type]) + 3
    stages = iter(range(total))
    shape = Shape(
        config.heads,
        params["length"],
        params["head_size"],
        getattr(torch, params["dtype"]),
        params["mask"] == "causal",
    )
    ways: list[dict[str, Any]] = [
        {
            "way": way.name,
            "time": way.time.median if way.time else None,
            "time_low": way.time.low if way.time else None,
            "time_high": way.time.high if way.time else None,
            "bytes": way.memory,
            "difference": way.difference,
            "note": way.note or ("disturbed by other processes" if way.time and way.time.disturbed else ""),
        }
        for way in measure(
            shape,
            context.device,
            config.repeats,
            config.seed,
            lambda text: context.progress(point.index, next(stages), total, text),
        )
    ]
    naive = ways[0]["time"]
    fused = [way for way in ways[1:] if way["time"] is not None]
    best = min(fused, key=lambda way: way["time"], default=None)
    return {
        "ways": ways,
        "best": best["way"] if best else None,
        "time": best["time"] if best else None,
        "against": naive,
        "speedup": naive / best["time"] if best and naive else None,
        "bytes": best["bytes"] if best else None,
        "difference": best["difference"] if best else None,
    }


def _groups(run: RunRecord) -> Iterator[tuple[str, list[tuple[int, Values]]]]:
    """Points that differ in length alone: what they share in words, and result by length."""
    groups: dict[tuple[Any, ...], list[tuple[int, Values]]] = {}
    for params, one in finished(run):
        groups.setdefault(tuple(params[key] for key in SETTINGS), []).append((params["length"], one))
    for (head_size, dtype, mask), members in groups.items():
        yield f"{dtype}, heads of {head_size}, {mask}", sorted(members, key=lambda member: member[0])


def _rows(run: RunRecord) -> list[dict[str, Any]]:
    return [
        {"shape": f"{params['what']} {params['dtype']}", **way} for params, one in finished(run) for way in one["ways"]
    ]


def figures(run: RunRecord) -> Sequence[Figure]:
    """Time, then peak memory, against length: a figure for each setting, a curve for each way."""
    drawn = []
    for key, measured, title, unit in (
        ("time", "time", "Time of attention", "seconds"),
        ("memory", "bytes", "Peak memory of attention", "bytes"),
    ):
        for place, (name, members) in enumerate(_groups(run)):
            drawn.append(_figure(f"{key}{place or ''}", f"{title}: {name}", members, measured, unit))  # type: ignore[arg-type]
    return [figure for figure in drawn if figure.series]


def _figure(key: str, title: str, members: list[tuple[int, Values]], measured: str, unit: Unit) -> Figure:
    ways = list(dict.fromkeys(way["way"] for _, one in members for way in one["ways"]))
    series = []
    for slot, name in enumerate(ways):
        there = [
            (float(length), way)
            for length, one in members
            for way in one["ways"]
            if way["way"] == name and way[measured] is not None
        ]
        if there:
            spread = unit == "seconds"
            series.append(
                Series(
                    name,
                    tuple(length for length, _ in there),
                    tuple(float(way[measured]) for _, way in there),
                    tuple(way["time_low"] for _, way in there) if spread else None,
                    tuple(way["time_high"] for _, way in there) if spread else None,
                    slot=slot,
                )
            )
    return Figure(
        key=key,
        title=title,
        x_label="Tokens",
        y_label="Time of a call" if unit == "seconds" else "Bytes beyond the inputs",
        series=tuple(series),
        y_unit=unit,
        x_scale="log",
        y_scale="log",
        caption="Medians; the intervals are quartiles." if unit == "seconds" else "",
    )


def listings(run: RunRecord) -> Sequence[Listing]:
    """Every way at every shape."""
    rows = tuple(_rows(run))
    caption = "Peak: bytes beyond the inputs. Max diff.: from a float64 reference."
    return [Listing("ways", "Naive and fused", COLUMNS, rows, caption)] if rows else []


def findings(run: RunRecord) -> list[str]:
    """The fastest way at the longest length, what memory it spares, how far each is from float64, what cannot run."""
    sentences = []
    for name, members in _groups(run):
        length, one = members[-1]
        ways = {way["way"]: way for way in one["ways"]}
        naive, best = ways[NAIVE], ways.get(one["best"] or "")
        if best and naive["time"] is not None:
            sentences.append(
                f"{name}: at {length:,} tokens {one['best']} takes {in_seconds(best['time'])} and naive "
                f"{in_seconds(naive['time'])}: {times(naive['time'] / best['time'])}, with "
                f"{in_bytes(best['bytes'])} at the peak against {in_bytes(naive['bytes'])}."
            )
        timed = [(tokens, each) for tokens, each in members if each["against"] and each["time"]]
        if slower := [f"{tokens:,}" for tokens, each in timed if each["against"] < each["time"]]:
            sentences.append(f"{name}: naive is the faster way at {', '.join(slower)} tokens.")
        measured = [way for way in one["ways"] if way["difference"] is not None]
        if measured:
            errors = ", ".join(f"{way['way']} {way['difference']:.1e}" for way in measured)
            sentences.append(f"{name}: largest difference from float64 at {length:,} tokens: {errors}.")
        sentences += _growth(name, members)
    notes: dict[tuple[str, str], int] = {}
    for row in _rows(run):
        if row["note"]:
            notes[row["way"], row["note"]] = notes.get((row["way"], row["note"]), 0) + 1
    return sentences + [
        f"{way}: {note} (at {count} of {len(run.finished)} shapes)." for (way, note), count in notes.items()
    ]


def _growth(name: str, members: list[tuple[int, Values]]) -> list[str]:
    """How time grows from the shortest length to the longest, for the naive way and the best."""
    if len(members) < 2:
        return []
    (short, first), (long, last) = members[0], members[-1]
    told = []
    for way in dict.fromkeys((NAIVE, last["best"])):
        before, after = (next((w for w in one["ways"] if w["way"] == way), None) for one in (first, last))
        if before and after and before["time"] and after["time"]:
            told.append(f"{way} {after['time'] / before['time']:.1f} times the time")
    if not told:
        return []
    return [f"{name}: {long / short:g} times the tokens take {' and '.join(told)} ({short:,} to {long:,} tokens)."]
