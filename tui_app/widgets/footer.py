"""The bottom line: the keys that do something here, the least needed dropped first; made from the registry."""

from collections.abc import Callable

from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from tui_app import glyphs
from tui_app.actions import Action, show_key
from tui_app.live import live_actions
from tui_app.living import Living


class Footer(Living, Widget):
    """One line of keys, each with the word that `label` has for it. A click on one does what the key does."""

    def __init__(self, label: Callable[[Action], str]) -> None:
        super().__init__()
        self._label = label
        self._line = Content("")
        self._asked = False

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.renew())

    def on_resize(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Looks again which keys are live, once what the last key did is on the screen."""
        if not self._asked:
            self._asked = True
            self.call_after_refresh(self._look)

    def _look(self) -> None:
        self._asked = False
        line = self._fitting()
        if not line.is_same(self._line):
            self._line = line
            self.refresh()

    def render(self) -> Content:
        return self._line

    def _fitting(self) -> Content:
        """As many keys as fit, in the order of their rank; help is always the last."""
        live = sorted((entry for entry in live_actions(self.screen) if entry[0].rank is not None), key=_rank)
        entries = [(action, _entry(keys[0], self._label(action))) for action, keys in live]
        last = [entry for action, entry in entries if action.rank == 0]
        room = self.size.width - sum(entry.cell_length + 2 for entry in last)
        line: list[Content] = []
        for action, entry in entries:
            if action.rank != 0 and entry.cell_length + 2 <= room:
                line.append(entry)
                room -= entry.cell_length + 2
        return Content(" ") + Content("  ").join(line + last)


def _rank(entry: tuple[Action, list[str]]) -> int:
    return entry[0].rank or 0


def _entry(key: str, label: str) -> Content:
    click = Style.from_meta({"@click": f"screen.press('{key}')"})
    shown = show_key(key, words=glyphs.plain())
    return Content.assemble((shown, "bold $secondary"), (f" {label}", "$muted")).stylize(click)
