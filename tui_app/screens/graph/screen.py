"""The Graph page: a captured model as a tree to walk, its analyses, transforms with undo, and what inputs change."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from textual import on
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from tui_app.actions import bindings
from tui_app.screens.graph.asking import Asking
from tui_app.screens.graph.capturing import Capturing
from tui_app.screens.graph.changing import Changing
from tui_app.screens.graph.choice import Choice
from tui_app.screens.graph.comparing import Comparing
from tui_app.screens.graph.operators import Operators
from tui_app.screens.graph.place import Place
from tui_app.screens.graph.showing import Showing
from tui_app.screens.graph.steps import Steps
from tui_app.screens.graph.walking import Walking
from tui_app.screens.labscreen import LabScreen
from tui_app.screens.views import Views
from tui_app.widgets.graphfind import FindingTree
from tui_app.widgets.line import Line
from tui_app.widgets.pane import Pane
from tui_app.widgets.table import Table

EMPTY = "ctrl+r captures the model named above."
HINT = "M chooses another model, I other inputs, S mode, attention and sizes."


class GraphScreen(LabScreen):
    """`steps` are the graphs that were made one from the other; the last is in view."""

    TAB = "graph"
    CSS_PATH = "graph.tcss"
    BINDINGS = bindings("graph", "view")
    HELP = (
        "A model as torch.export sees it. enter opens and closes modules, i and u go to a node's inputs and users, b "
        "comes back. p transforms, x tries to erase a node, U undoes, d shows what differs from another capture."
    )

    def __init__(self) -> None:
        super().__init__()
        self.steps = Steps(lambda: self.showing.step())
        self.outline = FindingTree(id="tree", empty=EMPTY)
        self._said = Line(id="said")
        self.views = self.adopt(Views(self, self.panes, ("node", "operators", "analyses")))
        self.asking = Asking(self, self._said)
        self.walking = self.adopt(Walking(self, self.outline))
        self.capturing = self.adopt(Capturing(self, self.asking, self.steps, self.walking))
        self.adopt(Changing(self, self.asking, self.steps, self.walking))
        self.adopt(Comparing(self, self.asking, self.steps))
        self.place = Place(self.outline, self.steps, self.walking)
        self.operators = Operators(self.outline)
        self.showing = Showing(self, self.steps, self.outline, self.place, self.operators, self.capturing)

    def body(self) -> Iterable[Widget]:
        yield self.showing.line
        yield Horizontal(
            self.showing.modules,
            Vertical(
                self.place,
                self.operators,
                Pane(self.showing.details, label="Analyses", jump="y", id="analyses"),
                id="side",
                classes="deck",
            ),
            id="main",
        )
        yield self._said

    def on_mount(self) -> None:
        self.showing.title()
        self.asking.say(HINT)
        self.outline.focus()
        self.capturing.action_graph_capture()

    def fill(self, config: Mapping[str, Any]) -> None:
        """Takes a run's settings over and captures; before the page is there, that is what it begins with."""
        if self.is_mounted:
            self.capturing.instead(Choice.of(config))
        else:
            self.capturing.choice = Choice.of(config)

    def on_resize(self) -> None:
        self.call_after_refresh(self.showing.title)
        self.call_after_refresh(self.place.show)

    # What happens in the panes

    @on(Table.Highlighted, "#tree")
    def _moved(self) -> None:
        self.place.follow()

    @on(Table.Opened, "#tree")
    def _opened(self) -> None:
        self.panes.show(self.place)

    @on(FindingTree.Narrowed)
    def _narrowed(self) -> None:
        self.showing.tree()

    @on(FindingTree.Found)
    def _found(self, event: FindingTree.Found) -> None:
        self.asking.say(event.text)

    # Everywhere

    def step_back(self) -> Callable[[], object] | None:
        """The filter goes first, then the marks."""
        if self.outline.needle:
            return partial(self.outline.narrow, "")
        return partial(self.steps.mark, frozenset()) if self.outline.marked and self.steps.now is not None else None

    def action_app_export(self) -> None:
        if self.steps.now is None:
            self.notify("There is nothing to export here yet.")
            return
        from tui_app.screens.graph.export import GraphExportScreen

        self.app.push_screen(GraphExportScreen(self.steps.now.graph, self.outline.module))

    def copies(self) -> str | None:
        return self.capturing.command
