"""Panes that take turns: `[` and `]` change the one in front."""

from collections.abc import Callable, Sequence

from tui_app.controller import Controller
from tui_app.screens.base import Page
from tui_app.screens.panes import Panes
from tui_app.widgets.pane import Pane


class Views(Controller):
    """`names` are the ids of the panes, `view` is the one in front: the style sheet shows what `-view-ID` names.

    `turned` is called after each turn.
    """

    def __init__(
        self, page: Page, panes: Panes, names: Sequence[str], turned: Callable[[], object] = lambda: None
    ) -> None:
        self.view = names[0]
        self._page, self._panes, self._names, self._turned = page, panes, tuple(names), turned
        page.add_class(f"-view-{self.view}", update=False)  # a page that has widgets makes all their styles anew
        panes.on_show = self._shown

    def turn(self, view: str) -> None:
        """Puts a view in front, without the focus."""
        self.view = view
        self._page.update_classes({f"-view-{name}": name == view for name in self._names})
        self._turned()

    def _shown(self, pane: Pane) -> None:
        if pane.id in self._names:
            self.turn(pane.id)

    @property
    def _present(self) -> list[Pane]:
        """Those that the run has something for."""
        return sorted(
            (pane for pane in self._panes.present if pane.id in self._names),
            key=lambda pane: self._names.index(pane.id or ""),
        )

    def live(self, action: str) -> bool:
        return len(self._present) > 1

    def action_view_next(self) -> None:
        self._step(1)

    def action_view_previous(self) -> None:
        self._step(-1)

    def _step(self, step: int) -> None:
        present = self._present
        here = next((place for place, pane in enumerate(present) if pane.id == self.view), 0)
        self._panes.show(present[(here + step) % len(present)])
