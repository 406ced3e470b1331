"""The export dialog of the Graph page: the graph or the module under the cursor, as a drawing or as text."""

from collections.abc import Iterable
from pathlib import Path

from textual.content import Content

from engine.errors import InputError
from engine.figures.table import Table
from engine.graph.record import Graph
from tui_app.actions import BY_ID, bindings, show_key
from tui_app.screens.base import Exports
from tui_app.screens.export import ExportScreen, Sheet
from tui_app.text import clean, count

KINDS = (
    ("export.png", "drawing, by graphviz"),
    ("export.svg", "drawing, by graphviz"),
    ("drawing.dot", "drawing, for graphviz"),
    ("export.markdown", "modules and analyses"),
    ("export.json", "every node"),
    ("export.csv", ""),
    ("export.latex", ""),
)
COLUMNS = ("name", "operator", "module", "shape_text", "dtype", "parameters", "flops", "output_bytes", "source")


class GraphExportScreen(ExportScreen):
    """`w` chooses between the whole graph and the module. Drawings and documents are written by the warm worker."""

    BINDINGS = bindings("drawing")
    title_text = "Export the graph"

    def __init__(self, graph: Graph, module: str, folder: Path | None = None) -> None:
        self._graph, self._module, self._part = graph, module, False
        rows = tuple(tuple(getattr(node, name) for name in COLUMNS) for node in graph.nodes)
        super().__init__(Exports(f"graph-{Path(graph.title).name}", (), Table(COLUMNS, rows)), folder)

    def _kinds(self) -> Iterable[Content]:
        rows = count(len(self._graph.nodes), "node")
        for name, what in KINDS:
            action = BY_ID[name]
            key = (f"{show_key(action.keys)}  ", "bold $secondary")
            yield Content.assemble(key, f"{action.label:<10}", (what or rows, ""))
        part = f"only {self._module}" if self._part else "the whole graph"
        key = (f"{show_key(BY_ID['drawing.whole'].keys)}  ", "bold $secondary")
        other = "" if not self._module else " (w changes that)"
        yield Content.assemble(key, clean(part), (other, "$muted"))

    def action_drawing_whole(self) -> None:
        self._part = bool(self._module) and not self._part
        self.query_one(Sheet).update(Content("\n").join(self._kinds()))

    def action_drawing_dot(self) -> None:
        self._drawing(".dot")

    def action_export_markdown(self) -> None:
        self._drawing(".md")

    def action_export_json(self) -> None:
        self._drawing(".json")

    def _picture(self, ending: str) -> None:
        self._drawing(ending)

    def _drawing(self, ending: str) -> None:
        self.lab.run_worker(self._written(self._path(ending)), group="export")
        self.dismiss(None)

    async def _written(self, path: Path) -> None:
        module = self._module if self._part else ""
        try:
            await self.lab.interactive.ask(
                "graph_save", graph=self._graph.as_dict(), path=str(path.absolute()), module=module
            )
        except InputError as error:
            self.lab.notify(str(error), severity="error", markup=False, timeout=10)
            return
        self.lab.notify(f"Wrote {path}", markup=False)
