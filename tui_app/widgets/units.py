"""A value of any kind as text with its unit, and the labels of an axis."""

import math
from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len, set_cell_size

from engine.figures.units import in_bytes, in_percent, in_seconds, ticks_in_bytes
from tui_app import glyphs
from tui_app.text import clean


def show(value: Any, unit: str = "text", *, bare: bool = False, signed: bool = False) -> str:
    """`86.12 %`, `1.23 MB`, `3m 12s`, `17.7 dB`; a dash where there is nothing. `bare` leaves out % and dB.

    A `signed` value is a difference; of percentages that is points: `-1.10 points`.
    """
    if value is None:
        return glyphs.sign("dash")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return clean(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{value:+.0f}" if signed else str(value)
    match unit:
        case "percent":
            return in_percent(value, signed=signed) + ("" if bare else " points" if signed else " %")
        case "bytes":
            return in_bytes(value)
        case "seconds":
            return _seconds(value)
        case "db":
            return f"{value:.1f}" + ("" if bare else " dB")
    sign = "+" if signed else ""
    return f"{value:{sign},}" if isinstance(value, int) else f"{value:{sign}.4g}"


def _seconds(value: float) -> str:
    return in_seconds(value).replace("µ", glyphs.sign("micro"))


def heading(label: str) -> str:
    """A column's label in the signs that the terminal has."""
    return clean(label).replace("Δ", glyphs.sign("delta"))


def interval(low: float, high: float, unit: str) -> str:
    """Half of an interval's width in the unit's own digits: `±0.43`."""
    return glyphs.sign("plus-minus") + show((high - low) / 2, unit, bare=True)


def shortened(text: str, room: int) -> str:
    """A text in `room` cells, cut in the middle: names of a kind share their beginning or their end."""
    if cell_len(text) <= room:
        return text
    tail = next(text[i:] for i in range(len(text) + 1) if cell_len(text[i:]) <= room // 2)
    return set_cell_size(text, room - 1 - cell_len(tail)).rstrip() + glyphs.sign("ellipsis") + tail


def tick_labels(ticks: Sequence[float], unit: str) -> list[str]:
    """Short labels for an axis, with just the digits that tell neighbours apart."""
    if unit == "bytes":
        return [label.replace(" ", "") for label in ticks_in_bytes(ticks)]
    if unit == "seconds":
        return [_seconds(tick).replace(" ", "") if tick else "0" for tick in ticks]
    scale, suffix = (100.0, "%") if unit == "percent" else (1.0, "")
    values = [scale * tick for tick in ticks]
    if any(value and (abs(value) < 1e-3 or abs(value) >= 1e5) for value in values):
        return [f"{value:.3g}{suffix}" for value in values]
    digits = next((d for d in range(4) if all(abs(value - round(value, d)) < 1e-9 for value in values)), 4)
    return [f"{value:.{digits}f}{suffix}" for value in values]
