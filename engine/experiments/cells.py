"""Values of points and listings as people read them, column by column. No torch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.experiments.base import Column
from engine.figures.units import in_bytes, in_percent, in_seconds
from engine.runtime.records import PointRecord, RunRecord
from engine.runtime.text import clean

Values = Mapping[str, Any]

_WRITERS: Mapping[str, Callable[[Any], str]] = {
    "text": lambda value: clean(str(value)),
    "number": lambda value: f"{value:.4g}" if isinstance(value, float) else clean(f"{value}"),
    "bytes": in_bytes,
    "seconds": in_seconds,
    "db": lambda value: f"{value:.1f}",
}


def layer_label(name: str) -> str:
    """What tells a layer from the others, for an axis: `0.output.dense` of `bert.encoder.layer.0.output.dense`."""
    return name.rpartition("layer.")[2] if "layer." in name else ".".join(name.split(".")[-2:])


def values_of(point: PointRecord) -> Values:
    """What a point was told and what it measured; of equal names the former."""
    return {**(point.result or {}), **point.params}


def measured(columns: Sequence[Column], run: RunRecord) -> list[Column]:
    """The columns that a point of the run has a value for; all of them before any has finished."""
    if not run.finished:
        return list(columns)
    points = [values_of(point) for point in run.points]
    return [column for column in columns if any(values.get(column.key) is not None for values in points)]


def written(values: Values, column: Column) -> str:
    """The value in a column as people read it, with half its interval; empty where there is none yet."""
    value = values.get(column.key)
    if value is None:
        return ""
    if column.unit == "percent":
        text = in_percent(value, signed=column.signed)
        if column.low and column.high and values.get(column.low) is not None:
            text += f" ±{in_percent((values[column.high] - values[column.low]) / 2)}"
        return text
    return _WRITERS[column.unit](value)


def heading(column: Column) -> str:
    """A column's label with the unit that `written` leaves out."""
    return column.label + {"percent": " %", "db": " dB"}.get(column.unit, "")


def insignificant(values: Values, column: Column) -> bool:
    """Whether a difference lies inside its own noise: its 95 % interval holds zero."""
    low, high = (values.get(key) if key else None for key in (column.low, column.high))
    return column.signed and low is not None and high is not None and low <= 0 <= high
