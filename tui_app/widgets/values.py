"""A table of values under an experiment's columns: sorted by any of them, filtered by words and comparisons."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from engine.experiments.base import Column as Quantity
from engine.experiments.cells import Values, insignificant
from tui_app.actions import bindings
from tui_app.filtering import Language
from tui_app.text import clean, ending
from tui_app.widgets.table import Column, Row, Table
from tui_app.widgets.units import heading, show

WIDTHS = {"percent": 7, "bytes": 7, "db": 6, "seconds": 7, "number": 7}
LONGEST = 26  # cells of a text column
FIRST = 3  # columns that stay however narrow the table is


@dataclass(frozen=True, slots=True)
class Entry:
    """One row before it is drawn. `mark` is the sign in the gutter."""

    key: str
    values: Values
    mark: Content | str = ""


class ValuesTable(Table):
    """`fill` takes columns and entries; order and filter are the reader's and outlast it."""

    BINDINGS = bindings("values")

    def __init__(self, *, id: str | None = None, empty: str = "", opens: bool = False) -> None:
        super().__init__((), id=id, empty=empty, opens=opens)
        self.needle = ""
        self.order: tuple[str, bool] | None = None  # column and whether descending; None is the order of the entries
        self._quantities: tuple[Quantity, ...] = ()
        self._entries: tuple[Entry, ...] = ()

    def fill(self, quantities: Sequence[Quantity], entries: Sequence[Entry]) -> None:
        """Shows entries; only cells that changed are drawn again."""
        self._quantities, self._entries = tuple(quantities), tuple(entries)
        self._arrange()

    def go_to(self, key: str) -> None:
        """Puts the cursor on a row."""
        place = next((i for i, row in enumerate(self.rows) if row.key == key), None)
        if place is not None:
            self.cursor = place

    @property
    def narrowed(self) -> str:
        """How much the filter leaves, in words; empty without one."""
        return f"{len(self.rows)} of {len(self._entries)}: {self.needle}" if self.needle else ""

    # Hooks for tables with columns of their own

    def columns_of(self, quantities: Sequence[Quantity], entries: Sequence[Entry]) -> list[Column]:
        """Columns as wide as they need to be; those further right give way first."""
        return [_column(quantity, entries, rank) for rank, quantity in enumerate(quantities)]

    def cells_of(self, entry: Entry, quantities: Sequence[Quantity]) -> list[Content | str]:
        """A row's cells, in the order of the columns."""
        return [_cell(entry.values, quantity) for quantity in quantities]

    # Order and filter

    def _arrange(self) -> None:
        passes = _LANGUAGE.parse(self.needle)
        entries = [entry for entry in self._entries if passes(entry.values)]
        if self.order is not None:
            column, descending = self.order
            entries.sort(key=lambda entry: _rank(entry.values.get(column)), reverse=descending)
            entries.sort(key=lambda entry: entry.values.get(column) is None)
        columns = self.columns_of(self._quantities, self._entries)
        if tuple(columns) != self.columns:
            self.set_columns(columns)
        self.sort_mark(*(self.order or ("", False)))
        self.set_rows([Row(one.key, tuple(self.cells_of(one, self._quantities)), one.mark) for one in entries])

    def action_values_sort(self) -> None:
        """The next column; after the last the entries' own order again. Numbers begin with the largest."""
        orders = [None, *((quantity.key, quantity.unit != "text") for quantity in self._quantities)]
        keys = [order[0] if order else None for order in orders]
        place = keys.index(self.order[0] if self.order else None)
        self.order = orders[(place + 1) % len(orders)]
        self._arrange()

    def action_values_reverse(self) -> None:
        if self.order is not None:
            self.order = self.order[0], not self.order[1]
            self._arrange()

    def action_values_filter(self) -> None:
        from tui_app.screens.ask import AskScreen

        self.app.push_screen(AskScreen("Show only rows with: words, accuracy>=0.8, -word", self.needle), self._narrow)

    def _narrow(self, needle: str | None) -> None:
        if needle is not None:
            self.needle = needle
            self.say(f"No row has {clean(needle)}; / changes that." if needle else "")
            self._arrange()
            if self.narrowed:
                self.notify(self.narrowed, timeout=2, markup=False)


def _words(values: Values) -> str:
    return " ".join(str(value) for value in values.values() if isinstance(value, str)).lower()


def _numbers(values: Values) -> dict[str, float]:
    return {key: float(value) for key, value in values.items() if isinstance(value, int | float)}


_LANGUAGE = Language[Values]((), _words, lambda values, field: str(values.get(field, "")), _numbers)


def _rank(value: object) -> tuple[int, float, str]:
    """Numbers before words, each among themselves; NaN counts as the smallest."""
    if isinstance(value, int | float):
        return 0, float(value) if value == value else float("-inf"), ""
    return 1, 0.0, str(value)


def _column(quantity: Quantity, entries: Sequence[Entry], rank: int) -> Column:
    """As wide as the longest text; numbers have a width that only unusual ones exceed."""
    label = heading(quantity.label)
    rank = rank if rank >= FIRST else 0
    if quantity.unit == "text":
        texts = [clean(entry.values.get(quantity.key) or "") for entry in entries]
        return Column(quantity.key, label, min(LONGEST, max([len(label), *map(len, texts)])), rank=rank)
    shown = [len(show(entry.values.get(quantity.key), quantity.unit, bare=True)) for entry in entries]
    return Column(quantity.key, label, max([WIDTHS[quantity.unit], len(label), *shown]), right=True, rank=rank)


def _cell(values: Values, quantity: Quantity) -> Content | str:
    value = values.get(quantity.key)
    text = show(value, quantity.unit, bare=True, signed=quantity.signed)
    if quantity.unit == "text" and "." in text:
        text = ending(text, LONGEST)
    return Content.styled(text, "$muted") if value is None or insignificant(values, quantity) else text
