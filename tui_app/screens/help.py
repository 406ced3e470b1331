"""What can be done here, and what the focused thing is."""

from collections.abc import Iterable
from typing import Any

from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from tui_app import glyphs
from tui_app.actions import EVERYWHERE, GROUPS, Action, show_key
from tui_app.live import live_actions
from tui_app.screens.dialog import Dialog, TextScreen
from tui_app.widgets.pane import Pane


class HelpScreen(Dialog):
    """Every key that does something on the page it was opened from, the most local first."""

    title_text = "Keys here"

    def __init__(self, page: Screen[Any]) -> None:
        super().__init__()
        self._live = live_actions(page)

    def box(self) -> Iterable[Widget]:
        blocks = []
        for group in sorted(GROUPS, key=lambda group: group in EVERYWHERE):
            lines = [_line(action, keys) for action, keys in self._live if action.group == group]
            if lines:
                blocks.append(Content("\n").join([Content.styled(GROUPS[group], "bold $primary"), *lines]))
        yield Static(Content("\n\n").join(blocks))


def _line(action: Action, keys: list[str]) -> Content:
    shown = " ".join(show_key(key, words=glyphs.plain()) for key in keys)
    return Content.assemble((f"{shown:>9}", "bold $secondary"), f"  {action.description}")


def explain(widget: Widget) -> TextScreen:
    """The help of the focused widget, or of what it stands in, under the name of its pane."""
    around = list(widget.ancestors_with_self)
    name = next((node.label for node in around if isinstance(node, Pane)), "Here")
    said = (str(getattr(node, "explanation", "") or getattr(node, "HELP", "") or "") for node in around)
    return TextScreen(name, next(filter(None, said), "Press ? for the keys that do something here."))
