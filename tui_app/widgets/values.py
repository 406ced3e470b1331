"""A table of values under an experiment's columns: sorted by any of them, filtered by words and comparisons."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from textual.content import Content

from engine.experiments.api import Column as Quantity
from engine.experiments.cells import Values, insignificant, layer_labels
from engine.tasks.metric import SHORT
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
    """`fill` takes columns and entries; order and filter are the reader's and outlast it.

    What is known of an entry is kept as long as the same object comes again: a long table costs what is new in it.
    """

    BINDINGS = bindings("values")

    def __init__(self, *, id: str | None = None, empty: str = "", opens: bool = False) -> None:
        super().__init__((), id=id, empty=empty, opens=opens)
        self.needle = ""
        self.order: tuple[str, bool] | None = None  # column and whether descending; None is the order of the entries
        self._quantities: tuple[Quantity, ...] = ()
        self._entries: tuple[Entry, ...] = ()
        self._layers: dict[str, Mapping[str, str]] = {}  # by column, what layers are called where a name is too long
        self._known: dict[str, tuple[Entry, Sequence[str | int]]] = {}  # by key, with its extents
        self._extents: list[Counter[str | int]] = []  # by column, those of all entries
        self._drawn: dict[str, Row] = {}
        self._drawn_for: object = None

    def fill(self, quantities: Sequence[Quantity], entries: Sequence[Entry]) -> None:
        """Shows entries, each with a key of its own; only cells that changed are drawn again."""
        if tuple(quantities) != self._quantities:
            self._quantities = tuple(quantities)
            self._known, self._extents = {}, []
        self._entries = tuple(entries)
        self._take_in({entry.key: entry for entry in entries})
        places = enumerate(self._quantities)
        self._layers = {one.key: _labels(_dotted(self._in(place))) for place, one in places if one.unit == "text"}
        self._arrange()

    def _take_in(self, entries: Mapping[str, Entry]) -> None:
        for key in [key for key, (entry, _) in self._known.items() if entries.get(key) is not entry]:
            _, extents = self._known.pop(key)
            self._drawn.pop(key, None)
            for counter, extent in zip(self._extents, extents, strict=True):
                counter[extent] -= 1
                if not counter[extent]:
                    del counter[extent]
        for key in entries.keys() - self._known.keys():
            extents = self.extents_of(entries[key])
            self._known[key] = entries[key], extents
            self._extents = self._extents or [Counter() for _ in extents]
            for counter, extent in zip(self._extents, extents, strict=True):
                counter[extent] += 1

    def _in(self, column: int) -> Sequence[str | int]:
        """The different extents in a column."""
        return tuple(self._extents[column]) if self._extents else ()

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

    def extents_of(self, entry: Entry) -> Sequence[str | int]:
        """What decides how wide columns are, one for each: the text where it is text, else the number of cells."""
        return [_extent(entry.values.get(one.key), one) for one in self._quantities]

    def columns_of(self) -> list[Column]:
        """Columns as wide as they need to be; those further right give way first."""
        return [
            _column(quantity, self._in(rank), rank, self._layers.get(quantity.key, {}))
            for rank, quantity in enumerate(self._quantities)
        ]

    def layer_text(self, name: str, column: str, room: int) -> str:
        """A layer's name in `room` cells: whole, or with what tells it from the others in its column."""
        return _layer_text(name, self._layers.get(column, {}), room)

    def cells_of(self, entry: Entry) -> list[Content | str]:
        """A row's cells, in the order of the columns."""
        return [_cell(entry.values, quantity, self._layers.get(quantity.key, {})) for quantity in self._quantities]

    # Order and filter

    def _arrange(self) -> None:
        entries = list(self._entries)
        if self.needle:
            passes = _LANGUAGE.parse(self.needle)
            entries = [entry for entry in entries if passes(entry.values)]
        if self.order is not None:
            column, descending = self.order
            entries.sort(key=lambda entry: _rank(entry.values.get(column)), reverse=descending)
            entries.sort(key=lambda entry: entry.values.get(column) is None)
        columns = self.columns_of()
        if tuple(columns) != self.columns:
            self.set_columns(columns)
        self.sort_mark(*(self.order or ("", False)))
        now = self._quantities, self._layers, self.size.width
        if self._drawn_for != now:
            self._drawn_for, self._drawn = now, {}
        self.set_rows([self._row(entry) for entry in entries])

    def _row(self, entry: Entry) -> Row:
        if (row := self._drawn.get(entry.key)) is None:
            row = self._drawn[entry.key] = Row(entry.key, tuple(self.cells_of(entry)), entry.mark)
        return row

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
    known = {key: float(value) for key, value in values.items() if isinstance(value, int | float)}
    return known | {short: known[name] for short, name in SHORT.items() if name in known}


_LANGUAGE = Language[Values]((), _words, lambda values, field: str(values.get(field, "")), _numbers)


def _rank(value: object) -> tuple[int, float, str]:
    """Numbers before words, each among themselves; NaN counts as the smallest."""
    if isinstance(value, int | float):
        return 0, float(value) if value == value else float("-inf"), ""
    return 1, 0.0, str(value)


def _layer_text(name: str, labels: Mapping[str, str], room: int) -> str:
    return name if len(name) <= room else ending(labels.get(name, name), room)


@lru_cache(16)
def _labels(names: tuple[str, ...]) -> dict[str, str]:
    return dict(zip(names, layer_labels(names), strict=True))


def _dotted(texts: Sequence[str | int]) -> tuple[str, ...]:
    """The names in a column that are layers' by their looks."""
    return tuple(sorted(text for text in texts if isinstance(text, str) and "." in text and " " not in text))


def _extent(value: object, quantity: Quantity) -> str | int:
    return clean(value or "") if quantity.unit == "text" else len(show(value, quantity.unit, bare=True))


def _column(quantity: Quantity, extents: Sequence[str | int], rank: int, layers: Mapping[str, str]) -> Column:
    """As wide as the longest text; numbers have a width that only unusual ones exceed."""
    label = heading(quantity.label)
    lengths = [one if isinstance(one, int) else len(_layer_text(one, layers, LONGEST)) for one in extents]
    width = max(len(label), *lengths) if lengths else len(label)
    rank = rank if rank >= FIRST else 0
    if quantity.unit == "text":
        return Column(quantity.key, label, min(LONGEST, width), rank=rank)
    return Column(quantity.key, label, max(WIDTHS[quantity.unit], width), right=True, rank=rank)


def _cell(values: Values, quantity: Quantity, layers: Mapping[str, str]) -> Content | str:
    value = values.get(quantity.key)
    text = show(value, quantity.unit, bare=True, signed=quantity.signed)
    if quantity.unit == "text" and "." in text:
        text = _layer_text(text, layers, LONGEST)
    return Content.styled(text, "$muted") if value is None or insignificant(values, quantity) else text
