"""What the palette offers on a page: everything that a key does there, the newest runs, and the themes."""

from collections.abc import Iterable
from contextlib import suppress

from textual.app import SystemCommand
from textual.command import CommandPalette
from textual.markup import escape
from textual.screen import Screen

from tui_app import glyphs
from tui_app.actions import show_key
from tui_app.lab import Lab
from tui_app.live import live_actions
from tui_app.living import Leaving
from tui_app.runs.board import LIMIT


class Palette(Leaving, CommandPalette):
    """Textual's, in which a page key that comes before the list has its lines does nothing; there it ends the app."""

    def _action_command_list(self, action: str) -> None:
        with suppress(KeyError, IndexError):
            super()._action_command_list(action)


def commands(app: Lab, screen: Screen[object]) -> Iterable[SystemCommand]:
    """In the order in which the palette lists them."""
    for action, keys in live_actions(screen):
        if action.group not in ("table", "dialog") and action.id != "app.palette":
            title = f"{action.label[:1].upper()}{action.label[1:]}  {show_key(keys[0], words=glyphs.plain())}"
            yield SystemCommand(title, action.description, lambda key=keys[0]: app.simulate_key(key))
    for run in sorted(app.runs.rows.values(), key=lambda run: run.created, reverse=True)[:LIMIT]:
        yield SystemCommand(
            escape(f"{run.id} {run.name}"), run.state, lambda name=run.id: app.open_run(name), discover=False
        )
    for theme in sorted(app.available_themes):
        yield SystemCommand(f"Theme: {theme}", "Changes the colours.", lambda name=theme: setattr(app, "theme", name))
