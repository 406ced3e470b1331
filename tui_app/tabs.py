"""The screens that have a number. Adding one is adding a line."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from textual.screen import Screen


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

    def screen(self) -> Screen[Any]:
        """A new instance of the screen."""
        module, _, name = self.source.partition(":")
        screen: Screen[Any] = getattr(import_module(module), name)()
        return screen


TABS = (
    Tab("home", "1", "Home", "All runs: filter, compare, pause, export.", "tui_app.screens.home.screen:HomeScreen"),
    Tab(
        "graph",
        "2",
        "Graph",
        "A model as a graph: walk it, transform it, compare.",
        "tui_app.screens.graph.screen:GraphScreen",
        experiment="graph",
    ),
    Tab(
        "quantize",
        "3",
        "Quantize",
        "Sweep number formats over a model: PTQ and QAT.",
        "tui_app.screens.experiment.quantize:QuantizeScreen",
        experiment="quantize",
    ),
    Tab(
        "prune",
        "4",
        "Prune",
        "Leave weights, neurons or heads out of a model.",
        "tui_app.screens.experiment.prune:PruneScreen",
        experiment="prune",
    ),
    Tab(
        "search",
        "5",
        "Search",
        "Search architectures, training and compression.",
        "tui_app.screens.experiment.search:SearchScreen",
        experiment="search",
    ),
    Tab(
        "profile",
        "6",
        "Profile",
        "Why it is not faster or smaller: compiled, fused, packed.",
        "tui_app.screens.experiment.profile:ProfileScreen",
        experiment="profile",
    ),
    Tab(
        "formats",
        "7",
        "Formats",
        "What a number format does to a layer's weights.",
        "tui_app.screens.formats.screen:FormatsScreen",
    ),
)
