"""The names of categories below their bars: whole, in a few rows each, or numbers that the legend explains."""

import re
from collections.abc import Sequence
from itertools import takewhile

from rich.cells import cell_len

from engine.figures.figure import Figure
from tui_app.text import clean
from tui_app.widgets.curve.axes import Axis

LEFT = 10  # cells beside the plot, more or less
_PARTS = re.compile(r"[^._\-:/,( ]*[._\-:/,( ]?")  # a name is broken after these, and before nothing else


def category_axis(view: tuple[float, float], names: Sequence[str], columns: int, rows: int) -> Axis:
    """An axis whose places 0, 1, 2… have names, as wide as each other; a label's rows are divided by newlines.

    Without rows for them the places are numbered from 1.
    """
    low, high = view
    places = [place for place in range(len(names)) if low <= place <= high]
    apart = max(1, int(columns / (high - low) + 1e-9))
    wrapped = fitted(list(map(clean, names)), apart - 1, rows) if rows else None
    labels = [str(place + 1)[-apart:] if wrapped is None else "\n".join(wrapped[place]) for place in places]
    end = low + columns / apart
    start = int((places[0] - low) * apart + 1e-9) if places else 0
    cells = tuple(start + i * apart for i in range(len(places)))
    return Axis(low, end, False, high, tuple(map(float, places)), tuple(labels), cells)


def label_rows(figure: Figure, width: int, height: int) -> int:
    """Rows of labels below a figure of this size in cells; 0 where the names of its categories have no room."""
    most = 1 + (height >= 10) + (height >= 14)
    return rows_for(figure.categories, max(1, width - LEFT), most) if figure.categories else 1


def rows_for(names: Sequence[str], columns: int, most: int) -> int:
    """How many rows, `most` or fewer, the names take over so many columns; 0 where they take more."""
    room = columns // max(1, len(names)) - 1
    return next((rows for rows in range(1, most + 1) if fitted(list(map(clean, names)), room, rows)), 0)


def fitted(names: Sequence[str], room: int, rows: int) -> list[tuple[str, ...]] | None:
    """Each name in at most `rows` rows of `room` cells; where they are too long, without what all begin with."""
    return _wrapped(names, room, rows) or _wrapped(_without_shared(names), room, rows)


def _wrapped(names: Sequence[str], room: int, rows: int) -> list[tuple[str, ...]] | None:
    found = [_lines(name, room) for name in names]
    fit = all(len(lines) <= rows and max(map(cell_len, lines), default=0) <= room for lines in found)
    return found if fit else None


def _lines(name: str, room: int) -> tuple[str, ...]:
    """A name broken between its parts, as many of them in a row as fit."""
    lines: list[str] = []
    for part in filter(None, _PARTS.findall(name)):
        if lines and cell_len(lines[-1] + part) <= room:
            lines[-1] += part
        else:
            lines.append(part)
    return tuple(line.strip() for line in lines) or ("",)


def _without_shared(names: Sequence[str]) -> list[str]:
    """Names without the parts that all of them begin with."""
    split = [list(filter(None, _PARTS.findall(name))) for name in names]
    shared = (
        len(list(takewhile(lambda parts: len(set(parts)) == 1, zip(*split, strict=False)))) if len(names) > 1 else 0
    )
    return ["".join(parts[shared:]) or name for parts, name in zip(split, names, strict=True)]
