"""The screens that have a number. Adding one is adding a line."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_app.screens.base import LabScreen


@dataclass(frozen=True, slots=True)
class Tab:
    """A numbered screen. `source` is `module:class`, imported when the screen is first opened.

    `experiment` names the experiment that the screen launches, if it does.
    """

    name: str
    key: str
    label: str
    description: str
    source: str
    experiment: str | None = None

    def screen(self) -> "LabScreen":
        """A new instance of the screen."""
        module, _, name = self.source.partition(":")
        screen: LabScreen = getattr(import_module(module), name)()
        return screen


TABS = (
    Tab("home", "1", "Home", "All runs: filter, compare, pause, export.", "tui_app.screens.home:HomeScreen"),
    Tab(
        "quantize",
        "3",
        "Quantize",
        "Sweep number formats over a model: PTQ and QAT.",
        "tui_app.screens.quantize:QuantizeScreen",
        experiment="quantize",
    ),
)
