"""Colours of cells on the terminal at hand."""

from rich.style import Style
from textual.widget import Widget

from engine.figures.palette import BASELINE, STYLES
from tui_app.widgets.curve.frame import RGB
from tui_app.widgets.curve.paint import Paint

_NAMES = {one.rgb: one.ansi for one in (*STYLES, BASELINE)}


class Inks:
    """The style of each kind of cell, in the widget's theme.

    On a terminal of 16 colours the hues have names: rounded, two of them would be one. What is faint is grey there.
    """

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._styles: dict[Paint, Style] = {}

    def clear(self) -> None:
        """The theme is another one."""
        self._styles.clear()

    def style(self, paint: Paint) -> Style:
        """How such a cell looks."""
        if paint not in self._styles:
            self._styles[paint] = self._mixed(paint)
        return self._styles[paint]

    def _mixed(self, paint: Paint) -> Style:
        widget = self._widget
        if paint.hue is None:
            color = widget.get_component_rich_style("curve--axis")
        else:
            color = Style(color=self._color(paint.hue))
        style = widget.rich_style + Style(color=color.color)
        if paint.ground is not None and self._few and paint.ground not in _NAMES:
            style = widget.rich_style  # 16 colours have no shades: what is written on them is all there is
        elif paint.ground is not None:
            style += Style(bgcolor=self._color(paint.ground))
        if paint.cursor:
            style += Style(bgcolor=widget.get_component_rich_style("curve--cursor", partial=True).bgcolor)
        return style + Style(reverse=True, bold=True) if paint.marked else style

    @property
    def _few(self) -> bool:
        return self._widget.app.console.color_system == "standard"

    def _color(self, hue: RGB) -> str:
        if self._few:
            ground = self._widget.background_colors[1].rgb
            return _NAMES.get(hue, "black" if hue == ground else "bright_black")
        return "#{:02x}{:02x}{:02x}".format(*hue)
