"""The dialogs of the Graph page."""

from collections.abc import Callable

from tui_app.screens.base import Page
from tui_app.screens.pickers import Option, PickScreen


def pick(page: Page, dialog: PickScreen, then: Callable[[str], object]) -> None:
    """Opens a dialog; `then` gets what was picked."""

    def take(picked: str | None) -> None:
        if picked:
            then(picked)

    page.app.push_screen(dialog, take)


def pick_model(page: Page, title: str, then: Callable[[str], object]) -> None:
    """A model from those that are at hand, or one that is named."""
    from tui_app.screens.source_options import picker

    pick(page, picker("model", title, page.lab.runs.rows.values()), then)


def as_typed(text: str) -> Option:
    """Whatever is typed can be taken."""
    return Option(text, "as typed")
