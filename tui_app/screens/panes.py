"""The panes of a page: which has the focus, which is in front, how large they are and which fills the screen."""

from collections.abc import Callable

from tui_app.controller import Controller
from tui_app.layout import arrange, arrangement
from tui_app.screens.base import Page
from tui_app.widgets.pane import Pane
from tui_app.widgets.panebar import PaneBar


class Panes(Controller):
    """`whole` makes tab go from pane to pane: where the arrow keys move within one. `on_show` hears of each `show`,
    and of the focused pane when the page is resized.
    """

    def __init__(self, page: Page) -> None:
        self.whole = False
        self.on_show: Callable[[Pane], object] = lambda pane: None
        self._page = page
        self._front: Pane | None = None
        self._arranged = False

    @property
    def present(self) -> list[Pane]:
        """In order, without those that have nothing to show."""
        return [pane for pane in self._page.query(Pane) if not pane.has_class("-absent")]

    @property
    def current(self) -> Pane | None:
        """The pane with the focus."""
        if self._page.focused is None:
            return None
        return next((node for node in self._page.focused.ancestors_with_self if isinstance(node, Pane)), None)

    def show(self, pane: Pane) -> None:
        """Focuses what a pane is entered at; in the narrow layout that pane comes to the front."""
        self.on_show(pane)
        self.bring_forward(pane)
        if (entry := self._page.entry(pane)) is not None:
            self._page.set_focus(entry)  # at once: the next key is for it

    def bring_forward(self, pane: Pane) -> None:
        """In the narrow layout it is the one to be seen."""
        self._front = pane
        self.lay_out()
        self._page.query_one(PaneBar).show(self.present, pane)

    def lay_out(self) -> None:
        """Has the narrow layout show what is in front. Elsewhere all is to be seen, and styles are left as they are:
        a class makes them anew for all that is inside.
        """
        if self._front is None or not self._page.has_class("-narrow"):
            return
        for deck in self._page.query(".deck"):
            deck.set_class(self._front in deck.walk_children(), "-front")
        for other in self.present:
            other.set_class(other is self._front, "-front")

    def refit(self) -> None:
        """After a resize: the pane with the focus stays in view where the new layout shows fewer."""
        if self.current is not None:
            self.on_show(self.current)
        self.lay_out()

    def action_show_pane(self, name: str) -> None:
        """For clicks on the pane bar."""
        self.show(self._page.query_one(f"#{name}", Pane))

    def action_pane_jump(self) -> None:
        from tui_app.screens.jump import JumpScreen

        narrow = self._page.has_class("-narrow")
        self._page.app.push_screen(JumpScreen([pane for pane in self.present if pane.region or narrow], self.show))

    # Tab

    def action_pane_next(self) -> None:
        self._step(1)

    def action_pane_previous(self) -> None:
        self._step(-1)

    def _step(self, step: int) -> None:
        """Moves the focus on, into panes that the narrow layout hides as well."""
        page, pane = self._page, self.current
        reachable = [other for other in self.present if other.targets]
        if self.whole:
            here = reachable.index(pane) if pane in reachable else -1
            self.show(reachable[(here + step) % len(reachable)])
            return
        if not page.has_class("-narrow") or pane is None or page.maximized is not None:
            page.focus_next() if step > 0 else page.focus_previous()
            return
        targets = pane.targets
        place = targets.index(page.focused) + step if page.focused in targets else len(targets)
        if 0 <= place < len(targets):
            page.set_focus(targets[place])
            return
        following = reachable[(reachable.index(pane) + step) % len(reachable)]
        self.bring_forward(following)
        page.set_focus(following.targets[0 if step > 0 else -1])

    # Sizes

    def live(self, action: str) -> bool:
        return action != "pane_zoom" or self.current is not None

    def action_pane_zoom(self) -> None:
        if self._page.maximized is not None:
            self._page.minimize()
        elif self.current is not None:
            self._page.maximize(self.current, container=False)
        self._keep()

    def action_pane_wider(self) -> None:
        self._resize(1.25)

    def action_pane_narrower(self) -> None:
        self._resize(0.8)

    def _resize(self, factor: float) -> None:
        if self.current is not None:
            self.current.resize(factor)
            self._keep()

    def action_pane_even(self) -> None:
        for pane in self.present:
            pane.even()
        self._keep()

    def _keep(self) -> None:
        kept = arrangement(self.present, self._page.maximized)
        self._page.lab.notebook.arranged(type(self._page).__name__, kept)

    def arrange(self) -> None:
        """Puts the panes as they were at the last visit, once."""
        if not self._arranged:
            self._arranged = True
            kept = self._page.lab.notebook.memory.layouts.get(type(self._page).__name__, {})
            zoomed = arrange(self.present, kept)
            if zoomed is not None and self._page.TAB:
                self._page.maximize(zoomed, container=False)
