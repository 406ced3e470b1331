"""Walking along the edges of the graph on the Graph page, and back."""

from collections.abc import Sequence

from engine.graph.record import Node
from engine.graph.tree import Branch
from tui_app.controller import Controller
from tui_app.screens.base import Page
from tui_app.screens.graph.choosing import pick
from tui_app.screens.pickers import Option, PickScreen
from tui_app.widgets.graphfind import FindingTree


class Walking(Controller):
    """`tree` is walked in; the trail holds where each jump began."""

    def __init__(self, page: Page, tree: FindingTree) -> None:
        self._page, self._tree = page, tree
        self._trail: list[str] = []

    @property
    def node(self) -> Node | None:
        """The node under the cursor."""
        entry = self._tree.entry(self._tree.key)
        return None if isinstance(entry, Branch) else entry

    def jump(self, name: str) -> None:
        """Goes to a node, also one that the filter hides; `b` comes back."""
        here = self._tree.key
        if not self._tree.entry(name):
            self._tree.narrow("")
        if self._tree.go_to(name) and here is not None:
            self._trail.append(here)
            self._page.renew_keys()

    def forget(self) -> None:
        """Another capture is to come: trail, filter and what was open are not for it."""
        self._trail.clear()
        self._tree.set_graph(None)
        self._tree.needle = ""

    def live(self, action: str) -> bool:
        return bool(self._trail) if action == "graph_back" else self._tree.graph is not None

    def action_graph_input(self) -> None:
        self._along(self.node.inputs if self.node else (), "input")

    def action_graph_user(self) -> None:
        self._along(self.node.users if self.node else (), "user")

    def _along(self, names: Sequence[str], what: str) -> None:
        if not names:
            self._page.notify(f"There is no {what} to go to.", timeout=2)
        elif len(names) == 1:
            self.jump(names[0])
        else:
            self._pick_edge(names, what)

    def _pick_edge(self, names: Sequence[str], what: str) -> None:
        assert self._tree.graph is not None
        nodes = self._tree.graph.by_name
        options = [Option(name, f"{nodes[name].operator} {nodes[name].shape_text}") for name in names]
        pick(self._page, PickScreen(f"Go to which {what}?", options), self.jump)

    def action_graph_back(self) -> None:
        self._tree.return_to(self._trail.pop())
        self._page.renew_keys()
