"""The top line: the numbered screens, the GPUs, and how many runs are at work."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from tui_app import glyphs
from tui_app.living import Living
from tui_app.tabs import TABS

if TYPE_CHECKING:
    from engine.runtime.devices import Usage


def gpu_strip(gpus: "Sequence[Usage]") -> Content:
    """`gpu0 87% 41/80G` for each GPU; nothing without one."""
    parts = []
    for number, gpu in enumerate(gpus):
        busy = f"{100 * gpu.busy:.0f}%" if gpu.busy is not None else glyphs.sign("dash")
        memory = f"{gpu.memory_used / 2**30:.0f}/{gpu.device.memory_bytes / 2**30:.0f}G"
        parts.append(Content.assemble((f"gpu{number} ", "$muted"), (busy, "$accent"), " ", memory))
    return Content("  ").join(parts)


class Header(Living, Widget):
    """One line. `tab` is the screen that is lit; `right` is what the machine is doing."""

    def __init__(self, tab: str) -> None:
        super().__init__()
        self.tab = tab
        self.right = Content("")

    def machine(self, right: Content) -> None:
        """Shows other facts at the right; nothing is drawn where they did not change."""
        if not right.is_same(self.right):
            self.right = right
            self.refresh()

    def render(self) -> Content:
        """The line, as wide as the widget."""
        tabs = Content("").join([self._tab(tab.name, tab.key, tab.label) for tab in TABS])
        room = self.size.width - tabs.cell_length - 1
        right = self.right if self.right.cell_length <= room else self.right.truncate(max(0, room))
        gap = " " * max(0, self.size.width - tabs.cell_length - right.cell_length - 1)
        return Content("").join([tabs, Content(gap), right, Content(" ")])

    def _tab(self, name: str, key: str, label: str) -> Content:
        click = Style.from_meta({"@click": f"app.screen_go('{name}')"})
        if name == self.tab:
            edge = "$primary"
            return Content.assemble(
                (glyphs.sign("tab-left"), edge),
                (f"{key} {label}", "bold $block-cursor-foreground on $primary"),
                (glyphs.sign("tab-right"), edge),
            )
        return Content.assemble(" ", (key, "bold $secondary"), (f" {label}", "$muted"), " ").stylize(click)
