"""How a page is arranged, kept from one visit to the next: the sizes that its panes were given, and which is zoomed."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_app.screens.base import LabScreen

ZOOM = "zoom"
SIDES = ("width", "height")
_SIZE = re.compile(r"\d+(\.\d+)?fr")


def arrangement(page: "LabScreen") -> dict[str, str]:
    """By `pane.side` the size of each pane that was changed, and under `zoom` the pane that fills the screen."""
    found = {
        f"{pane.id}.{side}": str(getattr(pane.styles, side))
        for pane in page.panes
        for side in SIDES
        if pane.styles.inline.has_rule(side)
    }
    if page.maximized is not None and page.maximized.id:
        found[ZOOM] = page.maximized.id
    return found


def arrange(page: "LabScreen", kept: Mapping[str, str]) -> None:
    """Puts the page's panes as they were; what the page has no more, or makes no sense, is left out."""
    panes = {str(pane.id): pane for pane in page.panes}
    for name, size in kept.items():
        pane, side = panes.get(name.partition(".")[0]), name.partition(".")[2]
        if pane is not None and side in SIDES and _SIZE.fullmatch(size):
            setattr(pane.styles, side, size)
    zoomed = panes.get(kept.get(ZOOM, ""))
    if zoomed is not None and page.TAB:
        page.maximize(zoomed, container=False)
