"""The keys that mean the same on every page: help, palette, back, quit, export and copy."""

from collections.abc import Callable

from tui_app.controller import Controller
from tui_app.screens.base import Page
from tui_app.screens.panes import Panes


class Everywhere(Controller):
    """What escape undoes, `e` exports and `y` copies, the page says."""

    def __init__(self, page: Page, panes: Panes) -> None:
        self._page, self._panes = page, panes

    def live(self, action: str) -> bool:
        return action != "app_back" or self._way_back is not None

    def action_press(self, key: str) -> None:
        """Does what the key would; for clicks on the footer."""
        self._page.app.simulate_key(key)

    def action_app_help(self) -> None:
        from tui_app.screens.help import HelpScreen

        self._page.app.push_screen(HelpScreen(self._page))

    def action_app_explain(self) -> None:
        from tui_app.screens.help import explain

        self._page.app.push_screen(explain(self._page.focused or self._page))

    def action_app_palette(self) -> None:
        from tui_app.palette import Palette

        if not Palette.is_open(self._page.app):
            self._page.app.push_screen(Palette())

    @property
    def _way_back(self) -> Callable[[], object] | None:
        """The zoomed pane, whatever `step_back` names, then the page itself."""
        if self._page.maximized is not None:
            return self._panes.action_pane_zoom
        return self._page.step_back() or (self._page.dismiss if self._is_opened else None)

    @property
    def _is_opened(self) -> bool:
        """Whether the page was opened from another one."""
        return len(self._page.app.screen_stack) > 1

    def action_app_back(self) -> None:
        if (step := self._way_back) is not None:
            step()
            self._page.renew_keys()

    def action_app_leave(self) -> None:
        if self._is_opened:
            self._page.dismiss()
        else:
            self._page.lab.action_app_quit()

    def action_app_export(self) -> None:
        exports = self._page.exports()
        if exports is None:
            self._page.notify("There is nothing to export here yet.")
            return
        from tui_app.screens.export import ExportScreen

        self._page.app.push_screen(ExportScreen(exports))

    def action_app_copy(self) -> None:
        text = self._page.copies()
        if text:
            self._page.lab.copy(text)
        else:
            self._page.notify("There is nothing to copy here.")
