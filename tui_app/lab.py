"""The app as its pages know it: what they share, and the places that they can send the user to."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from textual.content import Content
from textual.screen import Screen

from engine.errors import InputError
from tui_app import clipboard, glyphs
from tui_app.config import Config
from tui_app.interactive import Interactive
from tui_app.memory import Memory, Notebook
from tui_app.runs.feed import Feed
from tui_app.stage import Stage
from tui_app.tabs import TABS
from tui_app.text import count
from tui_app.widgets.header import Header


class Launcher(Protocol):
    """A page that launches an experiment."""

    def fill(self, config: Mapping[str, Any]) -> None:
        """Takes settings over into the form."""


class Lab(Stage, inherit_bindings=False):
    """`runs` holds what is known of the runs, `interactive` is the warm worker, `clock` gives Unix seconds;
    `machine` is what the header says of the GPUs, `last_visit` when the app was in use before.
    """

    runs: Feed
    interactive: Interactive
    notebook: Notebook
    config: Config
    clock: Callable[[], float]
    machine: Content
    last_visit: float

    def show_machine(self, page: Screen[Any]) -> None:
        """Puts the GPUs and the counts of runs at work into a page's header."""
        states = [row.state for row in self.runs.rows.values()]
        parts = [self.machine]
        for state, style in (("running", "bold $success"), ("queued", "$warning")):
            n = states.count(state)
            if n:
                parts.append(Content.styled(f"{glyphs.state(state)}{n}", style))
        page.query_one(Header).machine(Content("  ").join(part for part in parts if part))

    def remember(self, memory: Memory) -> None:
        """Keeps something for the next visit; says once where it cannot be written."""
        if problem := self.notebook.write(memory):
            self.notify(problem, severity="warning", markup=False)

    def copy(self, text: str) -> None:
        """Copies through the terminal, or shows the text where the terminal cannot."""
        sequence = clipboard.sequence(text)
        self._clipboard = text
        if sequence is None or self._driver is None:
            from tui_app.screens.dialog import TextScreen

            self.push_screen(TextScreen("Copy by hand", text))
            return
        self._driver.write(sequence)
        shown = text if len(text) <= 60 and text.isprintable() else count(len(text.splitlines()), "line")
        self.notify(f"Copied: {shown}", timeout=3, markup=False)

    # Places to go to

    def open_run(self, name: str) -> None:
        """Opens a run's own page; a failure counts as looked at."""
        from tui_app.screens.run.screen import RunScreen

        if name in self.notebook.memory.unopened:
            self.remember(self.notebook.memory.opened(name))
        self.push_screen(RunScreen(name))

    def open_experiment(self, name: str, config: Mapping[str, Any] | None = None) -> None:
        """Goes to the screen that launches an experiment, with these settings filled in."""
        tab = next((tab for tab in TABS if tab.experiment == name), None)
        if tab is None:
            from tui_app.screens.experiment.opening import page

            try:
                self.push_screen(page(name, config))
            except InputError as error:
                self.notify(str(error), severity="error", markup=False)
            return
        self.switch_mode(tab.name)
        if config is not None:
            cast("Launcher", self.screen_stack[0]).fill(config)

    def action_screen_go(self, name: str) -> None:
        """To a numbered page, as it was left; what was opened from it is closed."""
        self.switch_mode(name)
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def action_app_quit(self) -> None:
        """Ends the app, at once where no run is at work."""
        active = [row for row in self.runs.rows.values() if row.state in ("running", "queued")]
        if not active:
            self.exit()
            return
        from tui_app.screens.quit import QuitScreen

        if not isinstance(self.screen, QuitScreen):
            self.push_screen(QuitScreen(active))
