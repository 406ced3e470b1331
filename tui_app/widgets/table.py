"""A table that draws only the lines in view: filling it costs nothing, and a changed row repaints one line."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from textual.content import Content
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui_app import glyphs
from tui_app.actions import bindings
from tui_app.living import Living

GUTTER = 3
LEAST = 4  # cells of a text that is shortened


@dataclass(frozen=True, slots=True)
class Column:
    """`width` cells for the values; `flex` columns share what is left; the highest `rank` is dropped first."""

    key: str
    label: str
    width: int
    right: bool = False
    flex: bool = False
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `mark` is the sign in the gutter; `cells` go with the columns; plain strings are literal."""

    key: str
    cells: tuple[Content | str, ...]
    mark: Content | str = ""


def fit(columns: Sequence[Column], width: int) -> list[tuple[int, int]]:
    """Which columns fit into `width` cells, and how wide each becomes: (index, width) in order.

    Where those without a rank do not either, the last text is shortened and what comes after it is left out.
    """
    kept = list(range(len(columns)))

    def need() -> int:
        return GUTTER + sum(columns[i].width + 1 for i in kept)

    while need() > width and (droppable := [i for i in kept if columns[i].rank > 0]):
        kept.remove(max(droppable, key=lambda i: columns[i].rank))
    while len(kept) > 1 and need() > width:
        last = columns[kept[-1]]
        room = last.width - (need() - width)
        if not last.right and room >= LEAST:  # a text is read in part, a number never
            return [*((i, columns[i].width) for i in kept[:-1]), (kept[-1], room)]
        kept.pop()
    flexible = [i for i in kept if columns[i].flex]
    spare = max(0, width - need())
    shares = {i: spare // len(flexible) + (n < spare % len(flexible)) for n, i in enumerate(flexible)}
    return [(i, columns[i].width + shares.get(i, 0)) for i in kept]


class Table(Living, ScrollView, can_focus=True):
    """Rows under a fixed header line. The cursor stays on its row's key while rows come, go and move.

    `opens` and `marks` say whether somebody listens to those keys; otherwise they do nothing and are not shown.
    """

    BINDINGS = bindings("table")
    COMPONENT_CLASSES = {"table--header", "table--cursor", "table--quiet"}
    HELP = "Rows. Arrows or j k move, g and G go to the ends."

    cursor: reactive[int] = reactive(0)

    class Highlighted(Message):
        """The cursor is on another row."""

        def __init__(self, table: "Table", key: str) -> None:
            super().__init__()
            self.table, self.key = table, key

        @property
        def control(self) -> "Table":
            """The table."""
            return self.table

    class Opened(Highlighted):
        """Enter, or a second click, on a row."""

    class Marked(Highlighted):
        """Space on a row."""

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        id: str | None = None,
        empty: str = "",
        opens: bool = False,
        marks: bool = False,
    ) -> None:
        super().__init__(id=id)
        self._answered = {"table_open": opens, "table_mark": marks}
        self.columns = tuple(columns)
        self.rows: tuple[Row, ...] = ()
        self.empty = empty
        self.sorted_by: tuple[str, bool] = ("", False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action.startswith("table_") and not self.rows:
            return False
        return self._answered.get(action, True)

    @property
    def key(self) -> str | None:
        """The key of the row under the cursor."""
        return self.rows[self.cursor].key if self.rows else None

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Other columns; the rows' cells must go with them."""
        if tuple(columns) != self.columns:
            self.columns = tuple(columns)
            self.refresh()

    def sort_mark(self, column: str, descending: bool) -> None:
        """Shows in the header which column orders the rows."""
        if self.sorted_by != (column, descending):
            self.sorted_by = (column, descending)
            self.refresh()

    def say(self, empty: str) -> None:
        """What to show where there are no rows."""
        if empty != self.empty:
            self.empty = empty
            self.refresh()

    def set_rows(self, rows: Sequence[Row], cursor: str | None = None) -> None:
        """New rows; only lines that differ are drawn again. `cursor` is the key to go to (default: stay)."""
        key = cursor if cursor is not None else self.key
        old, self.rows = self.rows, tuple(rows)
        if [row.key for row in old] == [row.key for row in self.rows]:
            for index, (before, after) in enumerate(zip(old, self.rows, strict=True)):
                if before is not after and before != after:
                    self._refresh_row(index)
        else:
            self.virtual_size = Size(self.size.width, len(self.rows) + 1)
            self.refresh()
        places = {row.key: index for index, row in enumerate(self.rows)}
        self.cursor = places.get(key or "", min(self.cursor, max(0, len(self.rows) - 1)))
        if self.key != key and self.key is not None:
            self.post_message(self.Highlighted(self, self.key))

    def on_resize(self) -> None:
        self.virtual_size = Size(self.size.width, len(self.rows) + 1)
        self._show_cursor()

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, len(self.rows) - 1))

    def watch_cursor(self, before: int, after: int) -> None:
        self._refresh_row(before)
        self._refresh_row(after)
        self._show_cursor()

    def _show_cursor(self) -> None:
        if self.size.height > 1:
            top, page = round(self.scroll_offset.y), self.size.height - 1
            target = min(max(top, self.cursor - page + 1), self.cursor)
            if target != top:
                self.scroll_to(y=target, animate=False, immediate=True)

    def _refresh_row(self, index: int) -> None:
        y = index - round(self.scroll_offset.y) + 1
        if 1 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """One line of the screen: the header, a row, or nothing."""
        width = self.size.width
        index = round(self.scroll_offset.y) + y - 1
        if y == 0:
            return self._strip(self._header(width), "table--header", width)
        if index < len(self.rows):
            here = index == self.cursor
            style = ("table--cursor" if self.has_focus else "table--quiet") if here else None
            return self._strip(self._line(self.rows[index], here, width), style, width)
        said = _said(self.empty, width) if not self.rows else []
        return self._strip(said[y - 2] if 2 <= y < 2 + len(said) else Content(""), None, width)

    def _strip(self, content: Content, component: str | None, width: int) -> Strip:
        style = self.get_visual_style(component) if component else self.visual_style
        strip = Strip([segment for segment in content.render_segments(style) if isinstance(segment, Segment)])
        return strip.adjust_cell_length(width, style.rich_style)

    def _header(self, width: int) -> Content:
        cells = []
        for index, room in fit(self.columns, width):
            column = self.columns[index]
            label = column.label
            if column.key == self.sorted_by[0]:
                label += glyphs.sign("descending" if self.sorted_by[1] else "ascending")
            cells.append(_cell(label, room, column.right))
        return Content(" " * GUTTER) + Content(" ").join(cells)

    def _line(self, row: Row, here: bool, width: int) -> Content:
        pointer = Content.styled(glyphs.sign("cursor"), "$primary") if here else Content(" ")
        cells = [_cell(row.cells[i], room, self.columns[i].right) for i, room in fit(self.columns, width)]
        return Content("").join([pointer, _cell(row.mark, 1, False), Content(" "), Content(" ").join(cells)])

    def on_click(self, event: Click) -> None:
        index = round(self.scroll_offset.y) + event.y - 1
        if event.y > 0 and index < len(self.rows):
            again = index == self.cursor and event.chain > 1
            self._go(index)
            if again:
                self.action_table_open()

    def _go(self, index: int) -> None:
        before = self.cursor
        self.cursor = index
        if self.cursor != before and self.key is not None:
            self.post_message(self.Highlighted(self, self.key))

    def action_table_down(self) -> None:
        self._go(self.cursor + 1)

    def action_table_up(self) -> None:
        self._go(self.cursor - 1)

    def action_table_top(self) -> None:
        self._go(0)

    def action_table_bottom(self) -> None:
        self._go(len(self.rows) - 1)

    def action_table_half_down(self) -> None:
        self._go(self.cursor + max(1, self.size.height // 2))

    def action_table_half_up(self) -> None:
        self._go(self.cursor - max(1, self.size.height // 2))

    def action_table_open(self) -> None:
        if self.key is not None:
            self.post_message(self.Opened(self, self.key))

    def action_table_mark(self) -> None:
        if self.key is not None:
            self.post_message(self.Marked(self, self.key))


def _said(text: str, width: int) -> list[Content]:
    """What stands in place of rows, a line each."""
    lines = Content.styled(text, "$muted").wrap(max(1, width - GUTTER - 1)) if text else []
    return [line.pad_left(GUTTER) for line in lines]


def _cell(value: Content | str, width: int, right: bool) -> Content:
    content = Content(value) if isinstance(value, str) else value
    if content.cell_length > width:
        content = content.truncate(max(0, width - 1)) + glyphs.sign("ellipsis")[:width]
    room = width - content.cell_length
    return content.pad_left(room) if right else content.pad_right(room)
