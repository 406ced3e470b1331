"""The points of a run as a table: what the experiment's columns say, the state of each, the chosen one marked."""

from collections.abc import Sequence

from textual.content import Content

from engine.experiments.base import Column as Quantity
from engine.experiments.cells import measured, values_of
from engine.runtime.records import PointRecord, RunRecord
from tui_app import glyphs
from tui_app.text import clean, error_line
from tui_app.widgets.table import Column
from tui_app.widgets.values import Entry, ValuesTable

STATE = 10, 24, 44  # the narrowest column of states, the widest, and the widest where there is room
ROOMY = 110
PLACE = 2  # states stand behind so many columns
STATE_STYLES = {"finished": "$success", "failed": "$error", "running": "$primary", "cancelled": "$muted"}


class PointsTable(ValuesTable):
    """A table of points. `set_run` fills it; a row's key is the point's index."""

    HELP = (
        "The points of the run. enter opens one: layers, error, log. The one to take has an arrow in the margin. "
        "o sorts by the next column, / shows only rows with these words or numbers."
    )

    def __init__(self, *, id: str | None = None, empty: str = "") -> None:
        super().__init__(id=id, empty=empty, opens=True)
        self._points: tuple[PointRecord, ...] = ()

    def set_run(self, run: RunRecord | None, quantities: Sequence[Quantity] = (), best: int | None = None) -> None:
        """Shows a run's points; only cells that changed are drawn again."""
        self._points = run.points if run is not None else ()
        arrow = Content.styled(glyphs.sign("best"), "bold $success")
        entries = [
            Entry(str(point.index), {**values_of(point), "state": point.state}, arrow if point.index == best else "")
            for point in self._points
        ]
        self.fill(measured(quantities, run) if run is not None else (), entries)

    def columns_of(self, quantities: Sequence[Quantity], entries: Sequence[Entry]) -> list[Column]:
        columns = super().columns_of(quantities, entries)
        states = max((state(point).cell_length for point in self._points), default=0)
        narrowest, widest, roomy = STATE
        widest = roomy if self.size.width >= ROOMY else widest
        return [*columns[:PLACE], Column("state", "State", max(narrowest, min(states, widest))), *columns[PLACE:]]

    def cells_of(self, entry: Entry, quantities: Sequence[Quantity]) -> list[Content | str]:
        cells = super().cells_of(entry, quantities)
        return [*cells[:PLACE], state(self._points[int(entry.key)]), *cells[PLACE:]]


def state(point: PointRecord) -> Content:
    """Glyph and word; for a running point how far it is, for a failed one why."""
    glyph = Content.styled(glyphs.state(point.state) + " ", STATE_STYLES.get(point.state, "$muted"))
    if point.state == "failed":
        return glyph + Content(error_line(point.error) or "failed")
    again = attempt(point)
    if point.state == "running" and point.progress is not None:
        return glyph + Content(f"{100 * point.progress.fraction:.0f}% {clean(point.progress.text)}".rstrip() + again)
    return glyph + Content.styled(point.state + again, "" if point.state == "finished" else "$muted")


def attempt(point: PointRecord) -> str:
    """Says of a running point that it has begun before."""
    return f", attempt {point.attempt}" if point.attempt > 1 and point.state == "running" else ""
