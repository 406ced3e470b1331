"""The narrow layout's tabs: one line that names the panes of a page and lights the one in front."""

from collections.abc import Sequence

from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from tui_app.living import Living
from tui_app.widgets.pane import Pane


class PaneBar(Living, Widget):
    """Shown by the style sheet below 80 columns only."""

    def __init__(self) -> None:
        super().__init__()
        self.labels: tuple[tuple[str, str], ...] = ()
        self.front = ""

    def show(self, panes: Sequence[Pane], front: Pane) -> None:
        """Other panes, or another one in front."""
        now = tuple((pane.id or "", pane.label) for pane in panes), front.id or ""
        if now != (self.labels, self.front):
            self.labels, self.front = now
            self.set_class(len(panes) < 2, "-single")
            self.refresh()

    def render(self) -> Content:
        """The labels, side by side."""
        parts = []
        for pane, label in self.labels:
            click = Style.from_meta({"@click": f"screen.show_pane('{pane}')"})
            style = "bold $primary underline" if pane == self.front else "$muted"
            parts.append(Content.styled(label, style).stylize(click))
        return Content(" ") + Content("   ").join(parts)
