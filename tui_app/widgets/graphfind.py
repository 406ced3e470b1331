"""Finding and filtering in a graph's tree, in the filter language of the app's tables."""

from collections.abc import Iterator

from textual.message import Message

from engine.graph.record import Graph, Node
from engine.graph.tree import Branch
from tui_app.actions import bindings
from tui_app.filtering import Language
from tui_app.text import clean
from tui_app.widgets.graphtree import GraphTree, key_of

EXAMPLE = "words, op:linear, module:layer.0, flops>1M"
FIELDS = {"op": "operator", "name": "name", "module": "module", "type": "dtype", "kind": "kind"}
LANGUAGE = Language[Node](
    tuple(FIELDS),
    lambda node: " ".join((node.name, node.operator, node.module)).lower(),
    lambda node, field: str(getattr(node, FIELDS[field])),
    lambda node: {"params": node.parameters, "flops": node.flops, "bytes": node.output_bytes},
)


class FindingTree(GraphTree):
    """`needle` is the filter; what was sought stays until something else is."""

    BINDINGS = bindings("tree.find", "tree.next", "tree.previous", "tree.filter")
    HELP = f"{GraphTree.HELP} / finds nodes, n and N go on, f shows only those with {EXAMPLE}."

    class Narrowed(Message):
        """The filter is another one."""

    class Found(Message):
        """The cursor went to a match, or there is none."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, *, id: str | None = None, empty: str = "") -> None:
        super().__init__(id=id, empty=empty)
        self.needle = ""
        self.sought = ""

    def set_graph(self, graph: Graph | None) -> None:
        """Shows what the filter leaves of a graph."""
        self.show_graph(graph, LANGUAGE.parse(self.needle) if self.needle else None)

    def narrow(self, needle: str | None) -> None:
        """Shows only the nodes that a filter leaves; empty shows all, None changes nothing."""
        if needle is None or needle == self.needle or self.graph is None:
            return
        self.needle = needle
        self.set_graph(self.graph)
        self.post_message(self.Narrowed())

    def action_tree_filter(self) -> None:
        from tui_app.screens.ask import AskScreen

        self.app.push_screen(AskScreen(f"Only nodes with: {EXAMPLE}", self.needle), self.narrow)

    def action_tree_find(self) -> None:
        from tui_app.screens.ask import AskScreen

        self.app.push_screen(AskScreen(f"Find: {EXAMPLE}", self.sought), self.find)

    def find(self, text: str | None) -> None:
        """Goes to the first match after the cursor."""
        if text:
            self.sought = text
            self.action_tree_next()

    def action_tree_next(self) -> None:
        self._go_on(1)

    def action_tree_previous(self) -> None:
        self._go_on(-1)

    def _go_on(self, step: int) -> None:
        """To the next match (or the one before), folded away or not, round the end."""
        if not self.sought:
            self.notify("/ finds first.", timeout=2)
            return
        test = LANGUAGE.parse(self.sought)
        order = list(self._in_order())
        matches = [place for place, entry in enumerate(order) if isinstance(entry, Node) and test(entry)]
        if not matches:
            self.post_message(self.Found(f"{clean(self.sought)}: nothing here."))
            return
        keys = [key_of(entry) for entry in order]
        here = keys.index(self.key) if self.key in keys else -1
        after = [place for place in matches if place > here]
        before = [place for place in matches if place < here]
        place = (after or matches)[0] if step > 0 else (before or matches)[-1]
        self.go_to(keys[place])
        self.post_message(self.Found(f"{clean(self.sought)}: {matches.index(place) + 1} of {len(matches)}"))

    def _in_order(self) -> Iterator[Branch | Node]:
        """Modules and nodes from top to bottom, folded away or not."""

        def below(branch: Branch) -> Iterator[Branch | Node]:
            yield branch
            for entry in branch.entries:
                if isinstance(entry, Branch):
                    yield from below(entry)
                else:
                    yield entry

        return below(self.root) if self.root is not None else iter(())
