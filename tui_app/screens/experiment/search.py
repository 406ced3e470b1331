"""The Search page, and the page for a format in every layer."""

from tui_app.actions import bindings
from tui_app.screens.experiment.screen import ExperimentScreen


class SearchScreen(ExperimentScreen):
    """Searches architectures, layers, training and compression."""

    TAB = "search"
    EXPERIMENT = "search"
    BINDINGS = bindings("search")
    HELP = (
        "What to search in, with which samplers and modes: a curve each, with the same budget. m changes the figure: "
        "best so far, trade-off, importances. T tries parameters of your own next, M adds trials, p stops after this "
        "trial. v goes to the search for a format in every layer."
    )

    def action_search_mixed(self) -> None:
        self.app.push_screen(MixedScreen())


class MixedScreen(ExperimentScreen):
    """Searches a format for every layer."""

    EXPERIMENT = "mixed"
    HELP = (
        "A format for every layer: a curve for each family of formats, with the same budget. The details show the map "
        "of layers and formats. T tries parameters of your own next, M adds trials, p stops after this trial."
    )
