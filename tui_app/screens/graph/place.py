"""The place in the tree on the Graph page: what the node or module under the cursor is, and its edges."""

from textual import on
from textual.timer import Timer

from engine.graph.tree import Branch
from tui_app.screens.graph.steps import Steps
from tui_app.screens.graph.text import EDGES, branch_facts, edge_rows, node_facts
from tui_app.screens.graph.walking import Walking
from tui_app.widgets.graphfind import FindingTree
from tui_app.widgets.line import Line
from tui_app.widgets.pane import Pane
from tui_app.widgets.table import Table

REST = 0.08  # seconds without a move


class Place(Pane):
    """Follows the cursor of `tree` in the graph in view; opening an edge goes along it."""

    def __init__(self, tree: FindingTree, steps: Steps, walking: Walking) -> None:
        self.edges = Table(EDGES, id="edges", opens=True)
        self._facts = Line(id="facts")
        super().__init__(self._facts, self.edges, label="Node", jump="n", id="node")
        self._tree, self._steps, self._walking = tree, steps, walking
        self._resting: Timer | None = None

    @property
    def follows(self) -> bool:
        """Whether it shows what is under the cursor already."""
        return self._resting is None

    def follow(self) -> None:
        """Shows the place once the cursor rests: while a key is held down, only the tree is drawn."""
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(REST, self.show)

    def show(self) -> None:
        """Shows the place now."""
        self._resting = None
        entry, step = self._tree.entry(self._tree.key), self._steps.now
        if entry is None or step is None:
            return
        graph, width = step.graph, self.edges.size.width - 2
        if isinstance(entry, Branch):
            facts, rows = branch_facts(entry, graph, width), []
        else:
            facts, rows = node_facts(entry, width), edge_rows(entry, graph)
        self._facts.show(facts)
        self.edges.set_rows(rows)

    @on(Table.Opened)
    def _go(self, event: Table.Opened) -> None:
        self._walking.jump(event.key[1:])
        self._tree.focus()
