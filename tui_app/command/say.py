"""The one way from the verbs to the terminal: names, errors and log lines from outside lose their escapes here."""

import os
import re
from collections.abc import Iterable

import click
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from engine.text import clean

UNCUT = 1000
"""Columns of what goes to a file or another program."""
_LONG, _HEAD, _TAIL = re.compile(r"\S{240,}"), 120, 60


def say(text: object, *, err: bool = False) -> None:
    """A line, or several, on stdout or stderr."""
    click.echo(clean(str(text)), err=err)


def command_terminal(sequence: str) -> None:
    """An escape sequence of our own, on stderr."""
    click.echo(sequence, nl=False, err=True)


def complain(text: object) -> None:
    """A sentence on stderr about what was wrong; words of thousands of characters are cut."""
    say(f"labtui: {_LONG.sub(lambda found: f'{found[0][:_HEAD]}…{found[0][-_TAIL:]}', str(text))}", err=True)


class CleanConsole(Console):
    """A console that writes its own colours and cursor movements, and none that a text brings along."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(clean(segment.text), segment.style)


def results_console() -> CleanConsole:
    """Stdout, as wide as the terminal; without one nothing is cut, wrapped or left out."""
    console = CleanConsole()
    return console if console.is_terminal or "COLUMNS" in os.environ else CleanConsole(width=UNCUT)
