"""Opening the page of any experiment: one with a number has its own, the others get one made from their config."""

from collections.abc import Mapping
from typing import Any

from engine.experiments import registry
from tui_app.screens.experiment.screen import ExperimentScreen
from tui_app.screens.pickers import Option


def choices() -> list[Option]:
    """All experiments, with what each is for."""
    return [Option(name, registry.summary_of(name)) for name in registry.names()]


def page(name: str, config: Mapping[str, Any] | None = None) -> ExperimentScreen:
    """The page of an experiment that has no number, with these settings. Raises InputError where there is none."""
    experiment = registry.get(name)

    class Page(ExperimentScreen):
        EXPERIMENT = name
        HELP = f"{experiment.summary} ctrl+r starts it from any field; escape goes back."

    screen = Page()
    if config is not None:
        screen.fill(config)
    return screen
