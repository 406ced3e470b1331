"""The points of a run as a table: what the experiment's columns say, the state of each, the chosen one marked."""

from collections.abc import Sequence

from textual.content import Content

from engine.experiments.api import Column as Quantity
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
        self._made: dict[int, tuple[PointRecord, bool, Entry]] = {}

    def set_run(self, run: RunRecord | None, quantities: Sequence[Quantity] = (), best: int | None = None) -> None:
        """Shows a run's points; a point that is the same object as before costs nothing."""
        self._points = run.points if run is not None else ()
        self._made = {point.index: self._entry(point, point.index == best) for point in self._points}
        self.fill(measured(quantities, run) if run is not None else (), [made[2] for made in self._made.values()])

    def _entry(self, point: PointRecord, best: bool) -> tuple[PointRecord, bool, Entry]:
        made = self._made.get(point.index)
        if made is not None and made[0] is point and made[1] == best:
            return made
        mark = Content.styled(glyphs.sign("best"), "bold $success") if best else ""
        return point, best, Entry(str(point.index), {**values_of(point), "state": point.state}, mark)

    def extents_of(self, entry: Entry) -> Sequence[str | int]:
        return [*super().extents_of(entry), state(self._points[int(entry.key)]).cell_length]

    def columns_of(self) -> list[Column]:
        columns = super().columns_of()
        states = max((int(length) for length in self._in(len(columns))), default=0)
        narrowest, widest, roomy = STATE
        widest = roomy if self.size.width >= ROOMY else widest
        return [*columns[:PLACE], Column("state", "State", max(narrowest, min(states, widest))), *columns[PLACE:]]

    def cells_of(self, entry: Entry) -> list[Content | str]:
        cells = super().cells_of(entry)
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
