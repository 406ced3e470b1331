"""The histogram of a layer's weights with a format's grid over it, drawn in cells."""

from collections.abc import Mapping, Sequence
from typing import Any

from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widget import Widget

from engine.figures.palette import style
from tui_app import glyphs
from tui_app.living import Living
from tui_app.text import clean
from tui_app.widgets.units import show

_LEVELS = (" ▁▂▃▄▅▆▇█", " ....:::#")
_GRID, _MARK = ("┊", ":"), ("▲", "^")
_TICKS = ("╵", "'")
_SPARSE = 3  # a grid in fewer than every third column is drawn up to the top
_LEAST = 8  # columns below which nothing can be read


def columns_in(width: int) -> int:
    """Columns of a histogram of this width: an odd number, so that zero has a column of its own."""
    return max(3, width - 1 + width % 2)


class FormatPlot(Living, Widget, can_focus=True):
    """Facts above, the plot below. Columns in the series' hue hold values of the format, the others get rounded."""

    HELP = (
        "The layer's weights; bright columns hold values that the format has. ← → pick a column, n the next weight in "
        "it; + and - make the format wider and narrower, f takes the next family."
    )

    class Picked(Message):
        """A click on a column."""

        def __init__(self, column: int) -> None:
            super().__init__()
            self.column = column

    def __init__(self, slot: int, *, id: str) -> None:
        super().__init__(id=id)
        self.slot = slot
        self.cursor = 0
        self._layer: Mapping[str, Any] | None = None
        self._format: Mapping[str, Any] = {}
        self._said = Content("")

    def show(self, layer: Mapping[str, Any], shown: Mapping[str, Any], cursor: int) -> None:
        """Draws a layer and what one format does to it."""
        self._layer, self._format, self.cursor = layer, shown, cursor
        self.refresh()

    def move(self, cursor: int) -> None:
        """Puts the mark below another column."""
        self.cursor = cursor
        self.refresh()

    def say(self, text: str, style: str = "$muted") -> None:
        """Shows a sentence in place of the plot."""
        self._layer, self._said = None, Content.styled(clean(text), style)
        self.refresh()

    def render(self) -> Content:
        """All lines of the widget."""
        width, height = self.size.width, self.size.height
        if self._layer is None:
            return self._said
        facts = _flow(facts_of(self._format), width)
        counts, grid = self._layer["counts"], self._format["grid"]
        rows = height - len(facts) - 2
        lines = [Content.styled(line, "") for line in facts[:height]]
        if rows > 0 and len(counts) >= _LEAST:
            lines += _bars(counts, grid, rows, self.slot)
            lines += [_ticks(grid, self.cursor, self.slot), _axis(self._layer["limit"], len(counts))]
        return Content("\n").join(lines)

    def on_click(self, event: Click) -> None:
        if self._layer is not None:
            self.post_message(self.Picked(max(0, min(event.x - 1, len(self._layer["counts"]) - 1))))


def facts_of(shown: Mapping[str, Any]) -> list[str]:
    """What a format does to a layer, in short parts."""
    return [
        f"SQNR {show(shown['sqnr_db'], 'db')}",
        f"zeros {show(shown['zeros'], 'percent')}",
        f"sat. {show(shown['saturated'], 'percent')}",
        f"max error {shown['largest_error']:.3g}",
        f"{shown['bits']:g} bits",
        f"{show(shown['float_bytes'], 'bytes')} {glyphs.sign('becomes')} {show(shown['bytes'], 'bytes')}",
    ]


def _flow(parts: Sequence[str], width: int) -> list[str]:
    """Parts on as few lines as they fit on."""
    lines = [""]
    for part in parts:
        joined = f"{lines[-1]}  {part}" if lines[-1] else part
        if len(joined) <= width or not lines[-1]:
            lines[-1] = joined
        else:
            lines.append(part)
    return lines


def _bars(counts: Sequence[int], grid: Sequence[bool], rows: int, slot: int) -> list[Content]:
    """Rows from the top; a column with any weight shows at least a trace of it."""
    plain = glyphs.plain()
    highest = max(counts) or 1
    heights = [max(1, round(8 * rows * count / highest)) if count else 0 for count in counts]
    sparse = sum(grid) * _SPARSE <= len(grid)
    bright, line = style(slot).hex, _GRID[plain]
    drawn = []
    for row in range(rows - 1, -1, -1):
        cells = []
        for height, on_grid in zip(heights, grid, strict=True):
            level = max(0, min(8, height - 8 * row))
            if level:
                cells.append((_LEVELS[plain][level], bright if on_grid else "$border-blurred"))
            else:
                cells.append((line, "$border-blurred") if on_grid and sparse else (" ", ""))
        drawn.append(_joined(cells))
    return drawn


def _ticks(grid: Sequence[bool], cursor: int, slot: int) -> Content:
    plain = glyphs.plain()
    cells = [(_TICKS[plain] if on_grid else " ", style(slot).hex) for on_grid in grid]
    if cursor < len(cells):
        cells[cursor] = (_MARK[plain], "bold $accent")
    return _joined(cells)


def _axis(limit: float, columns: int) -> Content:
    left, right = f"{-limit:.3g}", f"{limit:.3g}"
    middle = columns // 2
    text = f"{left:<{middle}}0{right:>{columns - middle - 1}}"
    return Content.styled(text, "$muted")


def _joined(cells: Sequence[tuple[str, str]]) -> Content:
    """Cells as one line; neighbours of one style are one piece."""
    pieces: list[tuple[str, str]] = []
    for text, look in cells:
        if pieces and pieces[-1][1] == look:
            pieces[-1] = (pieces[-1][0] + text, look)
        else:
            pieces.append((text, look))
    return Content.assemble(*pieces)
