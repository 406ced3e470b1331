"""The app: its screens, its theme and keys, and what comes of news. What a screen does is in the screen."""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from textual import work
from textual.app import SystemCommand
from textual.content import Content
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Resize
from textual.geometry import Size
from textual.message import Message
from textual.screen import Screen

from tui_app import glyphs, pictures, scrollbars, signals, terminal
from tui_app.actions import bindings
from tui_app.alerts import Alerts
from tui_app.config import Config, read_config
from tui_app.driver import TerminalDriver
from tui_app.interactive import Interactive
from tui_app.lab import Lab
from tui_app.memory import Notebook
from tui_app.painting import Painting
from tui_app.runs.feed import Feed
from tui_app.runs.source import Disk, Source
from tui_app.runs.watcher import News
from tui_app.screens.labscreen import LabScreen
from tui_app.signals import Signals
from tui_app.tabs import TABS
from tui_app.theme import THEMES, chosen, defaults, suited
from tui_app.widgets.header import gpu_strip

GPU_SECONDS = 2.0
TERMINAL_SECONDS = 1.0


class Told(Message):
    """The feed has news of runs."""

    def __init__(self, news: News) -> None:
        super().__init__()
        self.news = news


class LabApp(Painting, Lab, inherit_bindings=False):
    """The terminal app. `source` and `clock` (Unix seconds) stand in for disk and time in tests."""

    TITLE = "labtui"
    CSS_PATH = ["shell.tcss", "screens/home/home.tcss"]  # what is shown first is parsed once, with the rest
    BINDINGS = bindings("app.quit", "app.redraw")
    MODES = {tab.name: tab.screen for tab in TABS}
    DEFAULT_MODE = "home"
    ENABLE_COMMAND_PALETTE = False  # its keys come from the registry, see __init__
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-normal"), (120, "-wide")]

    def __init__(
        self,
        *,
        source: Source | None = None,
        clock: Callable[[], float] = time.time,
        config: Config | None = None,
        plain: bool | None = None,
        interactive: Interactive | None = None,
    ) -> None:
        plain = glyphs.wants_plain() if plain is None else plain
        glyphs.use_plain(plain)
        scrollbars.use_plain(plain)
        super().__init__()
        self.use_command_palette = True
        self.clock = clock
        self.config = read_config() if config is None else config
        self.runs = Feed(source or Disk(), lambda news: self.post_message(Told(news)))
        self.interactive = interactive or Interactive()
        self.machine = Content("")
        self.alerts = Alerts(self.config.alert)
        self.notebook = Notebook()
        self.last_visit = self.notebook.read().left
        self.lent = False
        self._caught_up = False
        for theme in THEMES:
            self.register_theme(theme)
        name = chosen(self.config.theme, self.available_themes, self.no_color, self.console.color_system)
        self.set_reactive(LabApp.theme, name)  # before the first parse: a watcher would ask for another one
        self._filters = suited(self._filters, self.no_color, self.native_ansi_color)
        self.stylesheet.set_variables(self.get_css_variables())
        self.set_keymap(self.config.keys)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our own variables, where a theme does not give them."""
        return defaults(self.current_theme)

    def on_mount(self) -> None:
        self.set_class(glyphs.plain(), "-plain")
        for problem in self.config.problems:
            self.notify(problem, title="Config", severity="warning", timeout=12, markup=False)
        if self.config.theme is not None and self.config.theme not in self.available_themes:
            names = ", ".join(sorted(self.available_themes))
            text = f"config.toml: there is no theme {self.config.theme!r}; there are {names}."
            self.notify(text, title="Config", severity="warning", timeout=12, markup=False)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """What waits for first paint."""
        if self.notebook.memory.page in self.MODES:
            self.switch_mode(self.notebook.memory.page)
        self.runs.start()
        self.interactive.start()
        self._gpu_timer = self.set_interval(GPU_SECONDS, self._ask_gpus)
        self._ask_gpus()
        if terminal.is_there():
            self.set_interval(TERMINAL_SECONDS, self._watch_terminal)

    def _watch_terminal(self) -> None:
        """A terminal that goes away signals its session's leader: where that is make or a shell, nobody tells us."""
        if terminal.is_gone():
            self._hang_up()
        size = Size(*os.get_terminal_size(0))
        if size != self.screen.size:  # one that changed while the app was starting is told to nobody
            self.post_message(Resize(size, size))

    def _hang_up(self) -> None:
        self.on_unmount()
        signals.die_of(signal.SIGHUP)  # nothing can be written to the terminal any more

    def leave(self) -> None:
        """Goes at once, for whatever signal said so; called from its handler."""
        if self._loop is None:
            raise SystemExit(1)
        self._hang_up() if terminal.is_gone() else self._loop.call_soon_threadsafe(self.exit)

    @contextmanager
    def suspend(self) -> Iterator[None]:
        """While another program has the terminal; a signal that comes meanwhile waits for its end."""
        self.lent = True
        try:
            with super().suspend():
                yield
        finally:
            self.lent = False
            self.redraw()

    def get_driver_class(self) -> type[Driver]:
        """Reads what Textual's own driver stumbles over."""
        usual = super().get_driver_class()
        return TerminalDriver if usual is LinuxDriver else usual

    @work(thread=True, exclusive=True, group="gpus")
    def _ask_gpus(self) -> None:
        """Asks the driver in a thread; a machine without GPUs is asked once."""
        from engine.runtime.devices import usage

        found = usage()
        self.call_from_thread(self._gpus, gpu_strip(found))

    def _gpus(self, strip: Content) -> None:
        if not strip:
            self._gpu_timer.stop()
            return
        self.machine = strip
        if isinstance(self.screen, LabScreen) and self.screen.is_mounted:
            self.show_machine(self.screen)

    def on_unmount(self) -> None:
        self.runs.stop()
        self.interactive.stop()
        if self.runs.ready:
            self.notebook.write(replace(self.notebook.memory, left=self.clock(), page=self.current_mode))

    def on_told(self, message: Told) -> None:
        start = time.thread_time()
        try:
            self._tell(message)
        finally:
            self.runs.done(time.thread_time() - start)

    def _tell(self, message: Told) -> None:
        before = self._standings(message.news)
        changed = self.runs.take(message.news)
        self._note_ended(changed)
        self.alerts.tell(self._driver, (self.runs.rows[name] for name in changed if name in self.runs.rows))
        page = next((screen for screen in reversed(self.screen_stack) if isinstance(screen, LabScreen)), None)
        if page is not None and page.is_mounted:  # one that is still opening looks for itself
            self.show_machine(page)
            page.runs_changed(changed)
            if self._standings(message.news) != before:
                page.renew_keys()

    def _standings(self, news: News) -> dict[str, object]:
        """What decides which keys there are for the runs with news: how far they are changes more often."""
        runs, records = self.runs.rows, self.runs.records
        names = news.summaries.keys() | news.records.keys() | news.gone
        return {name: (name in records, runs[name].state, runs[name].resumes) for name in names if name in runs}

    def _note_ended(self, changed: Iterable[str]) -> None:
        """What has ended is seen now; failures stay on top of Home until opened, whatever page they came upon."""
        if not self._caught_up:
            if self.runs.unread:
                return
            self._caught_up, changed = True, self.runs.rows
        runs = [self.runs.rows[name] for name in changed if name in self.runs.rows]
        before = self.notebook.memory
        after = before.after(runs, self.clock())
        if after.unopened != before.unopened or any((run.ended or 0.0) > before.left for run in runs):
            self.remember(after)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the palette offers on a page."""
        from tui_app import palette

        return palette.commands(self, screen)


def run(*, ascii_only: bool = False) -> int:
    """Opens the app until the user leaves; returns the exit code."""
    pictures.look()
    app = LabApp(plain=True if ascii_only else None)
    with Signals(app.leave, lambda: app.lent):
        app.run()
    return app.return_code or 0
