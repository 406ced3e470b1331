"""The formats side by side on the Formats page, and the keys that choose others."""

from collections.abc import Callable

from engine.formats.neighbours import other, wider
from tui_app.controller import Controller
from tui_app.screens.base import Page
from tui_app.screens.formats.side import Side
from tui_app.screens.panes import Panes
from tui_app.widgets.formatplot import columns_in
from tui_app.widgets.pane import Pane

FIRST, SECOND = "fixed(4)", "mxfp4"


class Sides(Controller):
    """Keys act on the side whose pane has the focus; `changed` is called when there are more or fewer sides in view."""

    def __init__(self, page: Page, panes: Panes, changed: Callable[[], None]) -> None:
        self.first, self.second = Side(0, FIRST, id="first"), Side(1, SECOND, id="second")
        self.left = Pane(self.first, label="Format", jump="f", id="left")
        self.right = Pane(self.second, label="Compare with", jump="b", id="right", classes="-absent")
        self._page, self._panes, self._changed = page, panes, changed

    @property
    def both(self) -> tuple[Side, Side]:
        """In view or not."""
        return self.first, self.second

    @property
    def in_view(self) -> list[Side]:
        """One, or two that are compared."""
        return [self.first] if self.right.has_class("-absent") else [self.first, self.second]

    @property
    def current(self) -> Side:
        """The one that keys act on."""
        return self.in_view[-1] if self._panes.current is self.right else self.first

    @property
    def specs(self) -> list[str]:
        """The formats in view."""
        return [side.spec for side in self.in_view]

    @property
    def columns(self) -> int:
        """Columns that every histogram in view has room for; the narrow layout shows one at a time."""
        return columns_in(min((side.plot.size.width for side in self.in_view if side.plot.size.width), default=1))

    # Keys

    def action_formats_wider(self) -> None:
        self._move(wider(self.current.spec, 1), "wider")

    def action_formats_narrower(self) -> None:
        self._move(wider(self.current.spec, -1), "narrower")

    def action_formats_more(self) -> None:
        self._move(other(self.current.spec, 1), "larger there")

    def action_formats_less(self) -> None:
        self._move(other(self.current.spec, -1), "smaller there")

    def _move(self, spec: str | None, how: str) -> None:
        if spec is None:
            self._page.notify(f"{self.current.spec} does not get {how}.", timeout=2, markup=False)
        else:
            self.current.take(spec)

    def action_formats_family(self) -> None:
        self.current.take(self.current.family(1))

    def action_formats_family_before(self) -> None:
        self.current.take(self.current.family(-1))

    def action_formats_edit(self) -> None:
        self._page.set_focus(self.current.field)
        self.current.field.select_all()

    def action_formats_compare(self) -> None:
        if self._panes.current is self.right:
            self.first.plot.focus()
        self.right.toggle_class("-absent")
        if self._panes.current is not None:
            self._panes.bring_forward(self._panes.current)
        self._page.call_after_refresh(self._changed)
