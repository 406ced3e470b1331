"""One drawing: what was asked for, and the cells that came of it."""

import math
from dataclasses import dataclass, field

from engine.figures.figure import Figure
from tui_app import glyphs
from tui_app.widgets.curve.axes import Axis
from tui_app.widgets.curve.data import Dot, scaler

RGB = tuple[int, int, int]
Cell = tuple[int, int]
"""Column and row."""


def dots() -> tuple[int, int]:
    """Dots across and down in a cell: those of braille, or one where there is only ASCII."""
    return (1, 1) if glyphs.plain() else (2, 4)


@dataclass(frozen=True, slots=True)
class View:
    """What to draw and how: the figure, the size in cells, the ground, and what the reader's keys have set.

    `window` is the visible share of the x range, both ends between 0 and 1.
    """

    figure: Figure
    width: int
    height: int
    ground: RGB = (0, 0, 0)
    smoothing: float = 0.0
    log_x: bool = False
    log_y: bool = False
    window: tuple[float, float] = (0.0, 1.0)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in cells."""
        return self.width, self.height


@dataclass(slots=True)
class Frame:
    """Rows of cells, and where the plot lies in them, so that a cursor is placed without drawing again.

    The plot is the upper rows from column `left`; below it come the axis and `label_rows` rows of its labels. A cell's
    hue is None where it is part of an axis; `marked` cells are shown reversed; `grounds` are the cells that have a
    colour behind them, such as a line across a bar.
    """

    view: View
    left: int
    x: Axis
    y: Axis
    label_rows: int = 1
    text: list[list[str]] = field(default_factory=list)
    hues: list[list[RGB | None]] = field(default_factory=list)
    marked: set[Cell] = field(default_factory=set)
    grounds: dict[Cell, RGB] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.text = [[" "] * self.view.width for _ in range(self.view.height)]
        self.hues = [[None] * self.view.width for _ in range(self.view.height)]

    @property
    def columns(self) -> int:
        """Width of the plot itself."""
        return self.view.width - self.left

    @property
    def lines(self) -> int:
        """Height of the plot itself."""
        return self.view.height - 1 - self.label_rows

    def column(self, value: float) -> int | None:
        """The column of a raw x value, if it is in view."""
        cell = self.cell((scaler(self.x.log)(value), self.y.low))
        return cell[0] if cell else None

    def reach(self, value: float) -> float:
        """How far a raw x may be from `value` and still share its column."""
        column = (self.x.high - self.x.low) / self.columns
        return abs(value) * (10**column - 1) if self.x.log else column

    def cell(self, dot: Dot) -> Cell | None:
        """Column and row of a place in axis coordinates: the cell that its braille dot falls in."""
        if not (math.isfinite(dot[0]) and math.isfinite(dot[1])):
            return None
        across, down = dots()
        column = self.x.pixel(dot[0], across * self.columns) // across
        row = self.lines - 1 - self.y.pixel(dot[1], down * self.lines) // down
        return (self.left + column, row) if 0 <= column < self.columns and 0 <= row < self.lines else None

    def write(self, column: int, row: int, text: str, hue: RGB | None = None) -> None:
        """Puts characters of one cell each into a row, from a column on; what lies beyond the frame is cut."""
        for i, char in enumerate(text, column):
            if 0 <= i < self.view.width:
                self.text[row][i] = char
                self.hues[row][i] = hue
