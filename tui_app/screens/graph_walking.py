"""Walking along the edges of the graph on the Graph page, and back."""

from collections.abc import Sequence

from engine.graph.record import Node
from engine.graph.tree import Branch
from tui_app.screens.graph_choosing import GraphChoosing
from tui_app.screens.pickers import Option, PickScreen
from tui_app.widgets.graphfind import FindingTree


class GraphWalking(GraphChoosing):
    """`outline` is the tree; `trail` holds where each jump began."""

    outline: FindingTree

    def __init__(self) -> None:
        super().__init__()
        self.trail: list[str] = []

    @property
    def node(self) -> Node | None:
        """The node under the cursor."""
        entry = self.outline.entry(self.outline.key)
        return None if isinstance(entry, Branch) else entry

    def jump(self, name: str) -> None:
        """Goes to a node, also one that the filter hides; `b` comes back."""
        here = self.outline.key
        if not self.outline.entry(name):
            self.outline.narrow("")
        if self.outline.go_to(name) and here is not None:
            self.trail.append(here)
            self.renew_keys()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("graph_input", "graph_user"):
            return self.outline.graph is not None
        return bool(self.trail) if action == "graph_back" else super().check_action(action, parameters)

    def action_graph_input(self) -> None:
        self._along(self.node.inputs if self.node else (), "input")

    def action_graph_user(self) -> None:
        self._along(self.node.users if self.node else (), "user")

    def _along(self, names: Sequence[str], what: str) -> None:
        if not names:
            self.notify(f"There is no {what} to go to.", timeout=2)
        elif len(names) == 1:
            self.jump(names[0])
        else:
            self._pick_edge(names, what)

    def _pick_edge(self, names: Sequence[str], what: str) -> None:
        assert self.step is not None
        nodes = self.step.graph.by_name
        options = [Option(name, f"{nodes[name].operator} {nodes[name].shape_text}") for name in names]
        self.pick(PickScreen(f"Go to which {what}?", options), self.jump)

    def action_graph_back(self) -> None:
        self.outline.return_to(self.trail.pop())
        self.renew_keys()
