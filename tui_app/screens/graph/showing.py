"""What the Graph page shows of the graph in view: a line, the tree, the operators, the analyses."""

from textual.content import Content

from engine.experiments.graph.report import analysis_listing
from engine.graph.analyses import ANALYSES, dropped
from engine.graph.words import sentence
from tui_app import glyphs
from tui_app.screens.base import Page
from tui_app.screens.graph.capturing import Capturing
from tui_app.screens.graph.operators import Operators
from tui_app.screens.graph.place import Place
from tui_app.screens.graph.steps import Steps
from tui_app.screens.graph.text import graph_line
from tui_app.text import clean
from tui_app.widgets.details import Details
from tui_app.widgets.graphfind import FindingTree
from tui_app.widgets.line import Line
from tui_app.widgets.pane import Pane


class Showing:
    """`line` stands above, `modules` holds the tree, `details` the analyses."""

    def __init__(
        self, page: Page, steps: Steps, tree: FindingTree, place: Place, operators: Operators, capturing: Capturing
    ) -> None:
        self.line = Line(id="line")
        self.modules = Pane(tree, label="Modules", jump="m", id="modules")
        self.details = Details(id="details")
        self._page, self._steps, self._tree, self._capturing = page, steps, tree, capturing
        self._place, self._operators = place, operators

    def step(self) -> None:
        """Another graph is in view."""
        step = self._steps.now
        assert step is not None
        graph = step.graph
        self._tree.set_graph(graph)
        self._tree.mark(step.erased)
        self._operators.show(graph)
        listings = [one for each in ANALYSES.values() if (one := analysis_listing(each, [graph])) is not None]
        self.details.set([graph.problem] if graph.problem else [sentence(dropped(graph)), *graph.notes], listings)
        self.tree()

    def tree(self) -> None:
        """The tree shows other nodes."""
        self.title()
        self._place.show()
        self._page.renew_keys()

    def title(self) -> None:
        """What was captured, and in the frame of the tree its filter and the passes that were applied."""
        line = Content.styled(clean(self._capturing.choice.name), "$muted")
        if self._steps.now is not None and self._tree.root is not None:
            graph = self._steps.now.graph
            line = graph_line(graph, self._tree.root.totals, self._page.size.width)
            dot = f" {glyphs.sign('dot')} "
            said = dot.join(filter(None, (self._tree.needle, *graph.passes)))
            self.modules.title("Modules", clean(said))
        self.line.show(line)
