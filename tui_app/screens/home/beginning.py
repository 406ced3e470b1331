"""Ways to begin something from Home: a new experiment, and the demos."""

from tui_app.controller import Controller
from tui_app.screens.base import Page
from tui_app.screens.home.welcome import Welcome


class Beginning(Controller):
    """The demos' keys are for a project without runs, which `welcome` greets."""

    def __init__(self, page: Page, welcome: Welcome) -> None:
        self._page, self._welcome = page, welcome

    def live(self, action: str) -> bool:
        return action == "home_new" or self._page.has_class("-empty")

    def action_home_new(self) -> None:
        self._welcome.new()

    def action_home_demo(self) -> None:
        self._welcome.demo("text")

    def action_home_demo_lm(self) -> None:
        self._welcome.demo("lm")

    def action_home_demo_vision(self) -> None:
        self._welcome.demo("vision")
