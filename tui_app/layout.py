"""How a page is arranged, kept from one visit to the next: the sizes that its panes were given, and which is zoomed."""

import re
from collections.abc import Iterable, Mapping

from textual.widget import Widget

from tui_app.widgets.pane import Pane

ZOOM = "zoom"
SIDES = ("width", "height")
_SIZE = re.compile(r"\d+(\.\d+)?fr")


def arrangement(panes: Iterable[Pane], zoomed: Widget | None) -> dict[str, str]:
    """By `pane.side` the size of each pane that was changed, and under `zoom` the pane that fills the screen."""
    found = {
        f"{pane.id}.{side}": str(getattr(pane.styles, side))
        for pane in panes
        for side in SIDES
        if pane.styles.inline.has_rule(side)
    }
    if zoomed is not None and zoomed.id:
        found[ZOOM] = zoomed.id
    return found


def arrange(panes: Iterable[Pane], kept: Mapping[str, str]) -> Pane | None:
    """Gives the panes the sizes that they had; what is no more, or makes no sense, is left out. Returns the one that
    filled the screen.
    """
    known = {str(pane.id): pane for pane in panes}
    for name, size in kept.items():
        pane, side = known.get(name.partition(".")[0]), name.partition(".")[2]
        if pane is not None and side in SIDES and _SIZE.fullmatch(size):
            setattr(pane.styles, side, size)
    return known.get(kept.get(ZOOM, ""))
