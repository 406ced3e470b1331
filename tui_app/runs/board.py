"""Which runs Home shows, and in what order: kept up to date run by run, so that a tick costs what changed."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.errors import InputError
from tui_app.runs.filter import check_filter, parse_filter
from tui_app.runs.summary import Summary

LIMIT = 300
STATE_ORDER = ("running", "queued", "paused", "interrupted", "failed", "finished", "cancelled", "damaged")

_KEYS: dict[str, Callable[[Summary], Any]] = {
    "age": lambda run: run.created,
    "name": lambda run: run.name.lower(),
    "experiment": lambda run: run.experiment,
    "state": lambda run: STATE_ORDER.index(run.state) if run.state in STATE_ORDER else len(STATE_ORDER),
    "metric": lambda run: run.metric.value if run.metric is not None else None,
    "bytes": lambda run: run.bytes,
    "tags": lambda run: run.tag.lower() or None,
    "progress": lambda run: run.fraction,
}
SORTS = tuple(_KEYS)
_DESCENDING_FIRST = frozenset(("age", "metric", "progress"))


class Board:
    """Runs that pass the filter, ordered; those in `first` (failures nobody has opened) stand above all others."""

    def __init__(self) -> None:
        self.text = self.problem = ""
        self.sort = "age"
        self.descending = True
        self.first: frozenset[str] = frozenset()
        self._wanted = parse_filter("")
        self._keys: dict[str, Any] = {}
        self._order: list[str] | None = None

    def filter(self, text: str, runs: Mapping[str, Summary], now: float) -> None:
        """Another filter. Where nothing passes one that makes no sense, `problem` says why."""
        self.text = text
        self._wanted = parse_filter(text, now)
        self._keys = {}
        self.update(runs, runs)
        self.problem = ""
        if runs and not self._keys:
            try:
                check_filter(text, runs.values())
            except InputError as error:
                self.problem = str(error)

    def next_sort(self, runs: Mapping[str, Summary]) -> None:
        """Orders by the next column, in its natural direction."""
        self.sort = SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)]
        self.descending = self.sort in _DESCENDING_FIRST
        self._keys = {}
        self.update(runs, runs)

    def reverse(self) -> None:
        """The other way round."""
        self.descending = not self.descending
        self._order = None

    def put_first(self, ids: frozenset[str]) -> None:
        """Other runs to stand above all others."""
        if ids != self.first:
            self.first = ids
            self._order = None

    def update(self, runs: Mapping[str, Summary], changed: Iterable[str]) -> None:
        """Takes in runs that changed or came; runs that are gone leave, whether named or not."""
        key = _KEYS[self.sort]
        for name in {*changed, *(self._keys.keys() - runs.keys())}:
            run = runs.get(name)
            now = (key(run), run.created, run.id) if run is not None and self._wanted(run) else None
            if now != self._keys.get(name):
                self._order = None
                if now is None:
                    self._keys.pop(name, None)
                else:
                    self._keys[name] = now

    def shown(self) -> list[str]:
        """The ids in order, at most `LIMIT`; runs without a value come last either way."""
        if self._order is None:
            with_value = [name for name, key in self._keys.items() if key[0] is not None]
            without = [name for name, key in self._keys.items() if key[0] is None]
            with_value.sort(key=self._keys.__getitem__, reverse=self.descending)
            without.sort(key=lambda name: self._keys[name][1:], reverse=True)
            order = with_value + without
            order.sort(key=lambda name: name not in self.first)
            self._order = order[:LIMIT]
        return self._order
