"""The points of a run as a table: what the experiment's columns say, the state of each, the chosen one marked."""

from collections.abc import Sequence

from textual.content import Content

from engine.experiments.base import Column as Quantity
from engine.experiments.results import cell, insignificant
from engine.runtime.records import PointRecord, RunRecord
from tui_app import glyphs
from tui_app.text import clean, error_line
from tui_app.widgets.table import Column, Row, Table
from tui_app.widgets.units import heading, show

WIDTHS = {"percent": 7, "bytes": 7, "db": 6, "seconds": 7, "number": 7}
STATE = 10, 24, 44  # the narrowest column of states, the widest, and the widest where there is room
ROOMY = 110
STATE_STYLES = {"finished": "$success", "failed": "$error", "running": "$primary", "cancelled": "$muted"}


class PointsTable(Table):
    """A table of points. `set_run` fills it; a row's key is the point's index."""

    HELP = "The points of the run. enter opens one: layers, error, log. The one to take has an arrow in the margin."

    def set_run(self, run: RunRecord | None, quantities: Sequence[Quantity] = (), best: int | None = None) -> None:
        """Shows a run's points; only cells that changed are drawn again."""
        if run is None:
            self.set_rows(())
            return
        columns = [_column(quantity, run, rank) for rank, quantity in enumerate(quantities)]
        states = max((state(point).cell_length for point in run.points), default=0)
        narrowest, widest, roomy = STATE
        widest = roomy if self.size.width >= ROOMY else widest
        told = Column("state", "State", max(narrowest, min(states, widest)))
        wanted = (*columns[:2], told, *columns[2:])
        if wanted != self.columns:
            self.set_columns(wanted)
        self.set_rows([_row(point, quantities, point.index == best) for point in run.points])

    def go_to(self, key: str) -> None:
        """Puts the cursor on a row."""
        place = next((i for i, row in enumerate(self.rows) if row.key == key), None)
        if place is not None:
            self.cursor = place


def _column(quantity: Quantity, run: RunRecord, rank: int) -> Column:
    """Texts are as wide as the longest of them; columns further right give way first."""
    label = heading(quantity.label)
    if quantity.unit == "text":
        texts = [clean(cell(point, quantity) or "") for point in run.points]
        width = min(20, max([len(label), *map(len, texts)]))
        return Column(quantity.key, label, width, rank=rank if rank > 2 else 0)
    width = max(WIDTHS[quantity.unit], len(label))
    return Column(quantity.key, label, width, right=True, rank=rank if rank > 2 else 0)


def _row(point: PointRecord, quantities: Sequence[Quantity], best: bool) -> Row:
    cells = [_cell(point, quantity) for quantity in quantities]
    mark = Content.styled(glyphs.sign("best"), "bold $success") if best else ""
    return Row(str(point.index), (*cells[:2], state(point), *cells[2:]), mark)


def _cell(point: PointRecord, quantity: Quantity) -> Content | str:
    value = cell(point, quantity)
    text = show(value, quantity.unit, bare=True, signed=quantity.signed)
    if value is None or insignificant(point, quantity):
        return Content.styled(text, "$muted")
    return text


def state(point: PointRecord) -> Content:
    """Glyph and word; for a running point how far it is, for a failed one why."""
    glyph = Content.styled(glyphs.state(point.state) + " ", STATE_STYLES.get(point.state, "$muted"))
    if point.state == "failed":
        return glyph + Content(error_line(point.error) or "failed")
    if point.state == "running" and point.progress is not None:
        return glyph + Content(f"{100 * point.progress.fraction:.0f}% {clean(point.progress.text)}".rstrip())
    attempt = f" (attempt {point.attempt})" if point.attempt > 1 and point.state == "running" else ""
    return glyph + Content.styled(point.state + attempt, "" if point.state == "finished" else "$muted")
