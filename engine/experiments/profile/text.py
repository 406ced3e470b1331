"""Words and drawings that the studies of `profile` share. No torch."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from engine.figures.figure import Figure, Series
from engine.runtime.records import Params, RunRecord

Values = Mapping[str, Any]
Parts = Callable[[Params], tuple[str, ...]]
"""The words that tell a point from the others."""


def finished(run: RunRecord) -> Iterator[tuple[Params, Values]]:
    """Params and result of each finished point."""
    for point in run.finished:
        assert point.result is not None
        yield point.params, point.result


def named(run: RunRecord, parts: Parts) -> list[tuple[str, Params, Values]]:
    """The same after a name of the parts in which the run's points differ; of all parts where there is one point."""
    every = [parts(point.params) for point in run.points]
    varying = [place for place in range(len(every[0])) if len({one[place] for one in every}) > 1] if every else []

    def name(params: Params) -> str:
        words = parts(params)
        return ", ".join(words[place] for place in varying or range(len(words)))

    return [(name(params), params, one) for params, one in finished(run)]


def by_point(run: RunRecord, parts: Parts, say: Callable[[Params, Values], list[str]]) -> list[str]:
    """What `say` says of each finished point, after its name; a run of one point need not name it."""
    alone = len(run.points) == 1
    return [
        text[0].upper() + text[1:] if alone else f"{name}: {text}"
        for name, params, one in named(run, parts)
        for text in say(params, one)
    ]


def times(ratio: float) -> str:
    """How many times faster or slower: `2.4 times as fast`; `0.5` is `2.0 times as slow`, and 1.04 `as fast`."""
    if f"{max(ratio, 1 / ratio):.1f}" == "1.0":
        return "as fast"
    return f"{ratio:.1f} times as fast" if ratio > 1 else f"{1 / ratio:.1f} times as slow"


def apart(one: Values, other: Values, first: str = "time", second: str = "time") -> bool:
    """Whether the quartiles of two times do not overlap, so that one is surely the shorter."""
    return bool(one[f"{first}_high"] < other[f"{second}_low"] or other[f"{second}_high"] < one[f"{first}_low"])


def share(value: float) -> str:
    """A share in percent with one decimal: `74.2 %`."""
    return f"{100 * value:.1f} %"


def bars(
    key: str,
    title: str,
    names: Sequence[str],
    series: Mapping[str, Sequence[tuple[float, float, float] | None] | Sequence[float | None]],
    *,
    y_label: str,
    y_unit: Literal["number", "percent", "bytes", "seconds"] = "seconds",
    caption: str = "",
) -> Figure:
    """Bars side by side over named places: for each series a value per place, with its interval; None has no bar."""
    drawn = []
    for slot, (name, values) in enumerate(series.items()):
        there = [
            (float(x), value if isinstance(value, tuple) else (value, value, value))
            for x, value in enumerate(values)
            if value is not None
        ]
        spread = any(low < high for _, (_, low, high) in there)
        y, low, high = (tuple(bar[part] for _, bar in there) for part in range(3))
        drawn.append(
            Series(name, tuple(x for x, _ in there), y, low if spread else None, high if spread else None, "bar", slot)
        )
    return Figure(
        key=key,
        title=title,
        x_label="",
        y_label=y_label,
        series=tuple(one for one in drawn if one.x),
        y_unit=y_unit,
        caption=caption,
        categories=tuple(names),
    )
