"""A heat map in a picture: the same colours and words as on screen."""

import math

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from engine.figures.cells import RGB, ink, shade, words
from engine.figures.escape import drawn
from engine.figures.figure import Figure

GAP = 0.04  # of a field's width, between two of them


def draw_cells(axes: Axes, figure: Figure) -> None:
    """The rows of a heat map, the first at the top, each under its name."""
    write = words(figure)
    for row, series in enumerate(figure.rows):
        for x, value in zip(series.x, series.y, strict=True):
            if not math.isfinite(value):
                continue
            ground = shade(figure, value)
            corner = (x - 0.5 + GAP / 2, row - 0.5 + GAP / 2)
            axes.add_patch(Rectangle(corner, 1 - GAP, 1 - GAP, facecolor=_share(ground), linewidth=0))
            axes.text(
                x, row, write(value), color=_share(ink(ground)), fontsize=8, ha="center", va="center", clip_on=True
            )
    axes.set_yticks(range(len(figure.rows)), [drawn(one.name) for one in figure.rows])
    axes.set_ylim(len(figure.rows) - 0.5, -0.5)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    axes.grid(visible=False)


def _share(color: RGB) -> tuple[float, float, float]:
    red, green, blue = color
    return red / 255, green / 255, blue / 255
