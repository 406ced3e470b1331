"""The page of two captures: why they differ, and their nodes side by side."""

from collections.abc import Iterable

from textual.content import Content
from textual.widget import Widget

from engine.experiments.api import Column, Listing
from engine.experiments.graph.report import DIFFERENCE
from engine.figures.table import Table
from engine.graph.diff import Diff, compare
from engine.graph.explain import explain
from engine.graph.record import Graph
from engine.graph.words import sentence
from tui_app import glyphs
from tui_app.screens.base import Exports
from tui_app.screens.labscreen import LabScreen
from tui_app.text import clean
from tui_app.widgets.details import Details
from tui_app.widgets.line import Line
from tui_app.widgets.pane import Pane

SIDES = (
    Column("left", "Left"),
    Column("change", "Change"),
    Column("right", "Right"),
    *(column for column in DIFFERENCE if column.key in ("operator", "what", "module")),
)
MODULES = (
    Column("module", "Module"),
    *(Column(key, key.capitalize(), "number") for key in ("same", "changed", "removed", "added")),
)


class GraphDiffScreen(LabScreen):
    """Sentences above; below what differs, all nodes, or the modules, one table at a time."""

    CSS = "GraphDiffScreen #sides { height: 1; padding: 0 1; background: $boost; }"
    HELP = "What differs between two graphs, worked out from their nodes. m shows the next table, o sorts, / filters."

    def __init__(self, left: Graph, right: Graph) -> None:
        super().__init__()
        self.diff = compare(left, right)
        self.details = Details(id="details")

    def body(self) -> Iterable[Widget]:
        yield Line(id="sides")
        yield Pane(self.details, label="Differences", jump="d", id="differences")

    def on_mount(self) -> None:
        text = f" {glyphs.sign('out-of')} ".join(clean(graph.heading) for graph in (self.diff.left, self.diff.right))
        self.query_one("#sides", Line).show(Content.styled(text, "bold"))
        self.details.set([sentence(one) for one in explain(self.diff)], difference_listings(self.diff))
        self.details.table.focus()

    def exports(self) -> Exports | None:
        listing = self.details.listing
        if listing is None:
            return None
        keys = [column.key for column in listing.columns]
        rows = tuple(tuple(row.get(key) for key in keys) for row in listing.rows)
        return Exports(f"graph-{listing.key}", (), Table(tuple(column.label for column in listing.columns), rows))

    def copies(self) -> str | None:
        return "\n".join(self.details.findings)


def difference_listings(diff: Diff) -> list[Listing]:
    """What differs, side by side; then by module; then every node."""
    whole = [
        {
            "left": pair.left.name if pair.left else None,
            "right": pair.right.name if pair.right else None,
            "change": pair.change,
            "operator": pair.node.operator,
            "what": "; ".join(pair.changes) or pair.node.shape_text,
            "module": pair.node.module,
        }
        for pair in diff.pairs
    ]
    tables = (
        ("sides", "Side by side", SIDES, diff.rows()),
        ("modules", "By module", MODULES, diff.by_module()),
        ("all", "All nodes", SIDES, whole),
    )
    return [Listing(key, title, columns, tuple(rows)) for key, title, columns, rows in tables if rows]
