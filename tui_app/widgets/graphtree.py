"""A graph as a tree that folds: modules down to operators. Only the lines in view are made and drawn."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from textual.content import Content

from engine.figures.units import in_count
from engine.graph.record import Graph, Node, lineage
from engine.graph.tree import OWN, Branch, Totals, gather, grow
from tui_app import glyphs
from tui_app.actions import bindings
from tui_app.widgets.table import Column, Row, Table
from tui_app.widgets.units import show

FIRST_LINES = 24  # modules are open at first as long as no more lines than this are shown
COLUMNS = (
    Column("name", "Module or node", 24, flex=True),
    Column("kind", "Type or shape", 20, rank=6),
    Column("operators", "Ops", 5, right=True, rank=4),
    Column("parameters", "Params", 6, right=True, rank=1),
    Column("flops", "FLOPs", 6, right=True, rank=2),
    Column("weights", "Weights", 8, right=True, rank=3),
    Column("outputs", "Outputs", 8, right=True, rank=5),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the tree: what it shows and how deep it lies."""

    entry: Branch | Node
    depth: int

    @property
    def key(self) -> str:
        """What the line is known by: a module by its path, a node by its name."""
        return key_of(self.entry)


def key_of(entry: Branch | Node) -> str:
    """The key of a line: a node's name, or a module's path behind a word that no name holds."""
    return branch_key(entry.path) if isinstance(entry, Branch) else entry.name


def branch_key(path: str) -> str:
    """The key of a module's line."""
    return f"module {path}"


class GraphTree(Table):
    """`show_graph` shows a graph; the cursor, what is open and what is marked outlast a change of it."""

    BINDINGS = bindings("table", "tree.unfold", "tree.fold", "tree.open_all", "tree.close_all")
    HELP = "Modules and, below them, what they compute. right opens, left closes or goes up, + and - all of them."

    def __init__(self, *, id: str | None = None, empty: str = "") -> None:
        super().__init__(COLUMNS, id=id, empty=empty, opens=True)
        self.graph: Graph | None = None
        self.root: Branch | None = None
        self.marked: Collection[str] = ()
        self._open: set[str] = set()
        self._lines: dict[str, Line] = {}

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.graph is not None if action.startswith("tree_") else super().check_action(action, parameters)

    # What is shown

    def show_graph(self, graph: Graph | None, keep: Callable[[Node], bool] | None = None) -> None:
        """Shows a graph, or those of its nodes that `keep` wants, with all modules above them open."""
        fresh = self.graph is None and graph is not None
        self.graph = graph
        self.root = None if graph is None else gather(grow(graph, keep))
        if keep is not None and self.root is not None:
            self._open = {branch.path for branch in self.root.walk()}
        elif fresh:
            self._open = self._first()
        self._lay_out()

    def mark(self, names: Collection[str]) -> None:
        """Marks nodes in the gutter and opens the modules above them."""
        self.marked = frozenset(names)
        for name in names:
            self._reveal(name)
        self._lay_out()
        self.refresh()

    def entry(self, key: str | None) -> Branch | Node | None:
        """The module or node of a line."""
        line = self._lines.get(key or "")
        return None if line is None else line.entry

    def go_to(self, name: str) -> bool:
        """Puts the cursor on a node, opening what is closed above it; False where it is not shown."""
        if not self._reveal(name):
            return False
        self._lay_out(cursor=name)
        return True

    def return_to(self, key: str) -> None:
        """Puts the cursor on a line that it was on before."""
        if key not in self._lines:
            self._reveal(key)
        self._lay_out(cursor=key)

    @property
    def module(self) -> str:
        """The path of the module under the cursor, or of the one that the node there belongs to."""
        entry = self.entry(self.key)
        path = entry.path if isinstance(entry, Branch) else "" if entry is None else entry.module
        return path.removesuffix(OWN)

    def _reveal(self, name: str) -> bool:
        node = self.graph.by_name.get(name) if self.graph is not None else None
        if node is None:
            return False
        self._open.update(lineage(node.module))
        self._open |= {branch.path for branch in self._at(node.module) if node in branch.entries}
        return True

    def _at(self, path: str) -> Iterator[Branch]:
        """The branches within a module that hold operators of its own."""
        assert self.root is not None
        return (branch for branch in self.root.walk() if branch.path == path + OWN)

    def _first(self) -> set[str]:
        """The modules to open at first, level by level."""
        assert self.root is not None
        opened: set[str] = set()
        level, lines = [self.root], 1
        while level:
            following = []
            for branch in level:
                below = list(branch.branches)
                if below and lines + len(branch.entries) <= FIRST_LINES:
                    opened.add(branch.path)
                    lines += len(branch.entries)
                    following += below
            level = following
        return opened or {""}

    def _lay_out(self, cursor: str | None = None) -> None:
        before = self.key
        lines = list(self._shown(self.root, 0)) if self.root is not None else []
        self._lines = {line.key: line for line in lines}
        self.set_rows([Row(key, ()) for key in self._lines], cursor)
        if cursor is not None and self.key not in (None, before):
            self.post_message(self.Highlighted(self, self.key or ""))

    def _shown(self, branch: Branch, depth: int) -> Iterator[Line]:
        yield Line(branch, depth)
        if branch.path in self._open:
            for entry in branch.entries:
                if isinstance(entry, Branch):
                    yield from self._shown(entry, depth + 1)
                else:
                    yield Line(entry, depth + 1)

    # Drawing

    def _line(self, row: Row, here: bool, width: int) -> Content:
        line = self._lines[row.key]
        mark = Content.styled(glyphs.sign("differs"), "bold $warning") if row.key in self.marked else ""
        cells = self._branch_cells(line) if isinstance(line.entry, Branch) else self._node_cells(line.entry, line.depth)
        return super()._line(Row(row.key, cells, mark), here, width)

    def _branch_cells(self, line: Line) -> tuple[Content | str, ...]:
        branch = line.entry
        assert isinstance(branch, Branch)
        sign = glyphs.sign("unfolded" if branch.path in self._open else "folded") if branch.entries else " "
        never = branch.totals.operators == 0 and branch.totals.parameters == 0
        name = Content.styled(f"{'  ' * line.depth}{sign} {branch.name}", "$muted" if never else "bold")
        kind = Content.styled("" if branch.kind == branch.name else branch.kind, "$muted")
        return (name, kind, *_totals(branch.totals))

    def _node_cells(self, node: Node, depth: int) -> tuple[Content | str, ...]:
        totals = Totals()
        totals.add(node)
        style = "" if node.kind == "operator" else "$secondary"
        numbers = _totals(totals)
        name = Content.styled(f"{'  ' * depth}{glyphs.sign('dot')} {node.name}", style)
        return (name, node.shape_text.replace("×", glyphs.sign("times")), "", *numbers[1:])

    # Keys

    def action_table_open(self) -> None:
        if isinstance(self.entry(self.key), Branch):
            self._turn()
        else:
            super().action_table_open()

    def action_tree_unfold(self) -> None:
        entry = self.entry(self.key)
        if isinstance(entry, Branch) and entry.path not in self._open:
            self._turn()
        else:
            self.action_table_down()

    def action_tree_fold(self) -> None:
        entry = self.entry(self.key)
        if isinstance(entry, Branch) and entry.path in self._open:
            self._turn()
        elif entry is not None:
            self._lay_out(cursor=branch_key(self._holder(entry)))

    def _holder(self, entry: Branch | Node) -> str:
        """The path of the branch that an entry stands in."""
        if isinstance(entry, Branch):
            return entry.parent.path if entry.parent else ""
        return next((branch.path for branch in self._at(entry.module) if entry in branch.entries), entry.module)

    def action_tree_open_all(self) -> None:
        if self.root is not None:
            self._open = {branch.path for branch in self.root.walk()}
            self._lay_out()

    def action_tree_close_all(self) -> None:
        if self.root is not None:
            self._open = {""}
            self._lay_out(cursor=branch_key(""))

    def _turn(self) -> None:
        """Opens what is closed, closes what is open."""
        entry = self.entry(self.key)
        assert isinstance(entry, Branch)
        self._open ^= {entry.path}
        self._lay_out()
        self.refresh()


def _totals(totals: Totals) -> tuple[str, ...]:
    """Counts and bytes as short as they can be read; nothing where there is nothing."""
    counts = (totals.operators, totals.parameters, totals.flops)
    return (
        *(in_count(count) if count else "" for count in counts),
        show(totals.weight_bytes, "bytes") if totals.weight_bytes else "",
        show(totals.output_bytes, "bytes") if totals.output_bytes else "",
    )
