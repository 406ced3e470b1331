"""The histogram of operators on the Graph page."""

from textual import on

from engine.graph.record import Graph
from tui_app.screens.graph.text import HISTOGRAM, histogram_rows
from tui_app.widgets.graphfind import FindingTree
from tui_app.widgets.pane import Pane
from tui_app.widgets.table import Table


class Operators(Pane):
    """Opening an operator leaves only its nodes in `tree`."""

    def __init__(self, tree: FindingTree) -> None:
        self.histogram = Table(HISTOGRAM, id="histogram", opens=True, empty="No operators.")
        super().__init__(self.histogram, label="Operators", jump="r", id="operators")
        self._tree = tree

    def show(self, graph: Graph) -> None:
        """The operators of a graph."""
        self.histogram.set_rows(list(histogram_rows(graph)))

    @on(Table.Opened)
    def _narrow(self, event: Table.Opened) -> None:
        self._tree.narrow(f"op:{event.key}")
        self._tree.focus()
