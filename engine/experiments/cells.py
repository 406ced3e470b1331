"""Values of points and listings as people read them, column by column. No torch."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.experiments.api import Column
from engine.figures.units import in_bytes, in_percent, in_seconds
from engine.runtime.records import PointRecord, RunRecord
from engine.text import clean

Values = Mapping[str, Any]

_BLOCK = re.compile(r"(^|\.)(?:layers?|h|blocks?)\.(\d+)(?=\.|$)")
_WORDS = {"attention": "attn", "self_attn": "attn", "intermediate": "inter", "output": "out", "embeddings": "emb"}
_WRITERS: Mapping[str, Callable[[Any], str]] = {
    "text": lambda value: clean(str(value)),
    "number": lambda value: f"{value:.4g}" if isinstance(value, float) else clean(f"{value}"),
    "percent": in_percent,
    "bytes": in_bytes,
    "seconds": in_seconds,
    "db": lambda value: f"{value:.1f}",
}
_HALVES: Mapping[str, Callable[[float], str]] = {"percent": in_percent, "number": lambda half: f"{half:.2g}"}


def layer_labels(names: Sequence[str]) -> list[str]:
    """Layers' names for an axis, as short as they can be and still all be told apart: `L0.attn.query`."""
    ways = (_shortest, _placed, str)
    labels, depth = [_shortest(name) for name in names], [0] * len(names)
    while len(set(labels)) < len(set(names)) and min(depth) < len(ways) - 1:
        counts = Counter(
            {label: len({n for n, one in zip(names, labels, strict=True) if one == label}) for label in labels}
        )
        for i in range(len(names)):
            if counts[labels[i]] > 1 and depth[i] < len(ways) - 1:
                depth[i] += 1
        labels = [ways[level](name) for name, level in zip(names, depth, strict=True)]
    return labels


def _placed(name: str) -> str:
    """`bert.encoder.layer.0.attention.self.query` as `bert.encoder.L0.attn.query`."""
    parts = [_WORDS.get(part, part) for part in _BLOCK.sub(r"\1L\2", name).split(".")]
    return ".".join(part for i, part in enumerate(parts) if not (part == "self" and parts[i - 1 : i] == ["attn"]))


def _shortest(name: str) -> str:
    """The same from the block on, and without `dense` at its end; of other layers the last two parts."""
    parts = _placed(name).split(".")
    block = next((i for i, part in enumerate(parts) if re.fullmatch(r"L\d+", part)), max(0, len(parts) - 2))
    kept = parts[block:]
    return ".".join(kept[:-1] if len(kept) > 1 and kept[-1] == "dense" else kept)


def values_of(point: PointRecord) -> Values:
    """What a point was told and what it measured; of equal names the former."""
    return {**(point.result or {}), **point.params}


def measured(columns: Sequence[Column], run: RunRecord) -> list[Column]:
    """The columns that have something to show; before a point has finished, those without a usual value too."""
    return [
        column
        for column in columns
        if (column.usual is None and not run.finished)
        or any(_value(point, column.key) not in (None, column.usual) for point in run.points)
    ]


def _value(point: PointRecord, key: str) -> Any:
    return point.params[key] if key in point.params else (point.result or {}).get(key)


def written(values: Values, column: Column) -> str:
    """The value in a column as people read it, with half its interval; empty where there is none yet."""
    value = values.get(column.key)
    if value is None:
        return ""
    text = _WRITERS[column.unit](value)
    if column.signed and not text.startswith("-"):
        text = f"+{text}"
    if column.unit in _HALVES and column.low and column.high and values.get(column.low) is not None:
        text += f" ±{_HALVES[column.unit]((values[column.high] - values[column.low]) / 2)}"
    return text


def heading(column: Column) -> str:
    """A column's label with the unit that `written` leaves out; a difference of percentages is in points."""
    if column.signed and column.unit == "percent":
        return f"{column.label} points"
    return column.label + {"percent": " %", "db": " dB"}.get(column.unit, "")


def insignificant(values: Values, column: Column) -> bool:
    """Whether a difference lies inside its own noise: its 95 % interval holds zero. NaN, in old records, is noise."""
    low, high = (values.get(key) if key else None for key in (column.low, column.high))
    return column.signed and low is not None and high is not None and not (low > 0 or high < 0)
