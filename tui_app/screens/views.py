"""Pages whose lower panes take turns: `[` and `]` change the one in front."""

from typing import ClassVar

from tui_app.screens.base import LabScreen
from tui_app.widgets.pane import Pane


class Views(LabScreen):
    """Subclasses list the ids of the panes in `VIEWS`; the style sheet shows the one that `-view-ID` names."""

    VIEWS: ClassVar[tuple[str, ...]] = ()
    view = ""

    def turn(self, view: str) -> None:
        """Puts a view in front, without the focus."""
        self.view = view
        for name in self.VIEWS:
            self.set_class(name == view, f"-view-{name}")

    def show_pane(self, pane: Pane) -> None:
        if pane.id in self.VIEWS:
            self.turn(pane.id)
        super().show_pane(pane)

    def action_view_next(self) -> None:
        self._step(1)

    def action_view_previous(self) -> None:
        self._step(-1)

    def _step(self, step: int) -> None:
        """Views that the run has nothing for are passed over."""
        present = [pane for pane in self.panes if pane.id in self.VIEWS]
        present.sort(key=lambda pane: self.VIEWS.index(pane.id or ""))
        here = next((place for place, pane in enumerate(present) if pane.id == self.view), 0)
        self.show_pane(present[(here + step) % len(present)])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("view_next", "view_previous"):
            return sum(pane.id in self.VIEWS for pane in self.panes) > 1
        return super().check_action(action, parameters)
