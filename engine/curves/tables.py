"""Curves of a table: one column counts steps, another holds the values."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.curves import offer as offering
from engine.curves.curve import Curve, finite
from engine.curves.offer import ROWS, Offer
from engine.errors import InputError
from engine.models.tables import column_names, read_columns, shown


class Table:
    """A CSV, TSV, JSON-lines, Parquet or Arrow file with its values as they stand in it."""

    def __init__(self, path: Path) -> None:
        """Raises InputError where the file cannot be read or has no column of numbers."""
        self.path = path
        names = column_names(path)
        if all(_is_numeric([name]) for name in names):
            raise InputError(f"The first row of {path} holds numbers; put the names of its columns above them.")
        self._columns: Mapping[str, list[Any]] = read_columns(path, names)
        self._numbers = [name for name, values in self._columns.items() if _is_numeric(values)]
        if not self._numbers:
            raise InputError(f"{path} has no column of numbers below its header; its columns are {self._named()}.")

    def offer(self, x_label: str, y_label: str, step: str | None) -> Offer:
        """Which columns are meant beside a figure with these axes."""
        return offering.offer(self._numbers, x_label, y_label, step)

    def curves(self, origin: str, value: str, step: str) -> list[Curve]:
        """The curve of a column; rows where it is empty are no part of it.

        Raises:
            InputError: no such column, a value that is no number, or none that is finite.
        """
        values = self._numbers_of(value)
        steps = range(1, len(values) + 1) if step == ROWS else self._numbers_of(step)
        pairs = []
        for row, (x, y) in enumerate(zip(steps, values, strict=True), 1):
            if y is None:
                continue
            if x is None or not math.isfinite(x):
                raise InputError(f"Row {row} of {self.path} has a {value} and no {step}; complete or remove it.")
            pairs.append((float(x), y))
        return [finite(f"{origin}: {value}", pairs, offering.counts(step))]

    def _numbers_of(self, name: str) -> list[float | None]:
        if name not in self._columns:
            raise InputError(f"{self.path} has no column {name!r}; its columns are {self._named()}.")
        found = []
        for row, value in enumerate(self._columns[name], 1):
            try:
                found.append(_number(value))
            except (TypeError, ValueError):
                raise InputError(
                    f"Row {row} of {self.path} has {shown(value)} as {name}, which is no number; name another column."
                ) from None
        return found

    def _named(self) -> str:
        return ", ".join(name or '""' for name in self._columns)


def _is_numeric(values: list[Any]) -> bool:
    """Whether there are numbers, and nothing else but empty cells."""
    try:
        found = [_number(value) for value in values]
    except (TypeError, ValueError):
        return False
    return any(number is not None for number in found)


def _number(value: Any) -> float | None:
    """None for an empty cell. Raises TypeError or ValueError for what is no number."""
    if isinstance(value, str):
        value = value.strip()
    return None if value in (None, "") else float(value)
