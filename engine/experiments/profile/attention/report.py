"""Figures and tables of naive against fused attention, from the records alone."""

from collections.abc import Sequence

from engine.experiments.api import Column, Listing
from engine.experiments.profile.attention.measures import AttentionParams, AttentionResult, Way
from engine.experiments.profile.study import Named
from engine.figures.figure import Figure, Series

Done = Named[AttentionParams, AttentionResult]


def by_setting(done: Sequence[Done]) -> dict[str, list[Done]]:
    """Points that differ in length alone, by what they share; the shortest first."""
    groups: dict[str, list[Done]] = {}
    for one in sorted(done, key=lambda one: one.params.length):
        groups.setdefault(one.params.setting, []).append(one)
    first = dict.fromkeys(one.params.setting for one in done)
    return {setting: groups[setting] for setting in first}


def figures(done: Sequence[Done]) -> Sequence[Figure]:
    """Time, then peak memory, against length: a figure for each setting, a curve for each way."""
    groups = list(by_setting(done).items())
    drawn = [_times(place, name, members) for place, (name, members) in enumerate(groups)]
    drawn += [_peaks(place, name, members) for place, (name, members) in enumerate(groups)]
    return [figure for figure in drawn if figure.series]


def _ways(members: Sequence[Done]) -> dict[str, list[tuple[float, Way]]]:
    """Each way with the lengths at which it was tried."""
    found: dict[str, list[tuple[float, Way]]] = {}
    for one in members:
        for way in one.result.ways:
            found.setdefault(way.name, []).append((float(one.params.length), way))
    return found


def _times(place: int, name: str, members: Sequence[Done]) -> Figure:
    series = []
    for slot, (way, tried) in enumerate(_ways(members).items()):
        if there := [(length, *one.time) for length, one in tried if one.time]:
            x, y, low, high = zip(*there, strict=True)
            series.append(Series(way, x, y, low, high, slot=slot))
    return Figure(
        key=f"time{place or ''}",
        title=f"Time of attention: {name}",
        x_label="Tokens",
        y_label="Time of a call",
        series=tuple(series),
        y_unit="seconds",
        x_scale="log",
        y_scale="log",
        caption="Medians; the intervals are quartiles.",
    )


def _peaks(place: int, name: str, members: Sequence[Done]) -> Figure:
    series = []
    for slot, (way, tried) in enumerate(_ways(members).items()):
        if there := [(length, float(one.bytes)) for length, one in tried if one.bytes is not None]:
            x, y = zip(*there, strict=True)
            series.append(Series(way, x, y, slot=slot))
    return Figure(
        key=f"memory{place or ''}",
        title=f"Peak memory of attention: {name}",
        x_label="Tokens",
        y_label="Bytes beyond the inputs",
        series=tuple(series),
        y_unit="bytes",
        x_scale="log",
        y_scale="log",
    )


def listings(done: Sequence[Done]) -> Sequence[Listing]:
    """Every way at every shape."""
    rows = tuple(
        {"shape": f"{one.params.what} {one.params.dtype}", **way.to_record()} for one in done for way in one.result.ways
    )
    known = Way.columns()
    columns = (
        Column("shape", "Shape"),
        known["name"],
        known["time"],
        Column("time_low", "from", "seconds"),
        Column("time_high", "to", "seconds"),
        known["bytes"],
        known["difference"],
        known["note"],
    )
    caption = "Peak: bytes beyond the inputs. Max diff.: from a float64 reference."
    return [Listing("ways", "Naive and fused", columns, rows, caption)] if rows else []
