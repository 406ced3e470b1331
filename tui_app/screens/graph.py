"""The Graph page: a captured model as a tree to walk, its analyses, transforms with undo, and what inputs change."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from textual import on
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget

from engine.experiments.graph.report import analysis_listing
from engine.graph.analyses import ANALYSES, dropout_sentence
from engine.graph.tree import Branch
from tui_app import glyphs
from tui_app.actions import bindings
from tui_app.screens.graph_asking import Choice
from tui_app.screens.graph_changing import GraphChanging
from tui_app.screens.graph_text import EDGES, HISTOGRAM, branch_facts, edge_rows, graph_line, histogram_rows, node_facts
from tui_app.text import clean
from tui_app.widgets.details import Details
from tui_app.widgets.graphfind import FindingTree
from tui_app.widgets.line import Line
from tui_app.widgets.pane import Pane
from tui_app.widgets.table import Table

EMPTY = "ctrl+r captures the model named above."
REST = 0.08  # seconds without a move
HINT = "M chooses another model, I other inputs, S mode, attention and sizes."


class GraphScreen(GraphChanging):
    """`steps` are the graphs that were made one from the other: the last is shown, undo takes it away."""

    TAB = "graph"
    CSS_PATH = "graph.tcss"
    BINDINGS = bindings("graph", "view")
    VIEWS = ("node", "operators", "analyses")
    HELP = (
        "A model as torch.export sees it. enter opens and closes modules, i and u go to a node's inputs and users, b "
        "comes back. p transforms, x tries to erase a node, U undoes, d shows what differs from another capture."
    )

    def __init__(self) -> None:
        super().__init__()
        self.outline = FindingTree(id="tree", empty=EMPTY)
        self.edges = Table(EDGES, id="edges", opens=True)
        self.histogram = Table(HISTOGRAM, id="histogram", opens=True, empty="No operators.")
        self.details = Details(id="details")
        self._resting: Timer | None = None

    def body(self) -> Iterable[Widget]:
        yield Line(id="line")
        yield Horizontal(
            Pane(self.outline, label="Modules", jump="m", id="modules"),
            Vertical(
                Pane(Line(id="facts"), self.edges, label="Node", jump="n", id="node"),
                Pane(self.histogram, label="Operators", jump="r", id="operators"),
                Pane(self.details, label="Analyses", jump="y", id="analyses"),
                id="side",
                classes="deck",
            ),
            id="main",
        )
        yield Line(id="said")

    def on_mount(self) -> None:
        self.turn("node")
        self._title()
        self.say(HINT)
        self.outline.focus()
        self.action_graph_capture()

    def fill(self, config: Mapping[str, Any]) -> None:
        """Takes a run's settings over and captures; before the page is there, that is what it begins with."""
        usual = Choice()
        names = str(config.get("inputs", "")).partition(";")[0]
        self.choice = replace(
            usual,
            model=config.get("model", usual.model),
            inputs=tuple(name.strip() for name in names.split(",") if name.strip()) or usual.inputs,
            **{name: config.get(name, getattr(usual, name)) for name in ("attention", "mode", "batch", "sequence")},
        )
        if self.is_mounted:
            self.capture_instead()

    # Steps

    def action_graph_capture(self) -> None:
        self.do(self._capture())

    async def _capture(self) -> None:
        step = await self.capture(self.choice)
        if step is None:
            return
        self.steps = [step]
        self.outline.set_graph(None)
        self.trail.clear()
        self.outline.needle = ""
        self.show_step()
        if not step.graph.problem:
            weighed = await self.weighed(step)
            if weighed is not None and self.steps == [step]:
                self.steps = [weighed]
                self.show_step()

    def show_step(self) -> None:
        step = self.step
        if step is None:
            return
        graph = step.graph
        self.outline.set_graph(graph)
        self.outline.mark(step.erased)
        assert self.outline.root is not None
        self.histogram.set_rows(list(histogram_rows(graph)))
        listings = [one for each in ANALYSES.values() if (one := analysis_listing(each, [graph])) is not None]
        self.details.set([graph.problem] if graph.problem else [dropout_sentence(graph), *graph.notes], listings)
        self._title()
        self._show_place()
        self.renew_keys()

    def _title(self) -> None:
        step, line = self.step, Content.styled(clean(self.choice.name), "$muted")
        if step is not None and self.outline.root is not None:
            line = graph_line(step.graph, self.outline.root.totals, self.size.width)
            done = [*step.graph.passes]
            dot = f" {glyphs.sign('dot')} "
            self.query_one("#modules", Pane).title(
                "Modules", clean(dot.join(filter(None, (self.outline.needle, *done))))
            )
        self.query_one("#line", Line).show(line)

    # The place in the tree

    @on(Table.Highlighted, "#tree")
    def _moved(self) -> None:
        """The side follows once the cursor rests: while a key is held down, only the tree is drawn."""
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(REST, self._show_place)

    def _show_place(self) -> None:
        self._resting = None
        entry, step = self.outline.entry(self.outline.key), self.step
        if entry is None or step is None:
            return
        width = self.edges.size.width - 2
        if isinstance(entry, Branch):
            facts, rows = branch_facts(entry, step.graph, width), []
        else:
            facts, rows = node_facts(entry, width), edge_rows(entry, step.graph)
        self.query_one("#facts", Line).show(facts)
        self.edges.set_rows(rows)

    @on(Table.Opened, "#tree")
    def _opened(self) -> None:
        self.show_pane(self.query_one("#node", Pane))

    @on(Table.Opened, "#edges")
    def _edge(self, event: Table.Opened) -> None:
        self.jump(event.key[1:])
        self.outline.focus()

    @on(Table.Opened, "#histogram")
    def _operator(self, event: Table.Opened) -> None:
        self.outline.narrow(f"op:{event.key}")
        self.outline.focus()

    @on(FindingTree.Narrowed)
    def _narrowed(self) -> None:
        self._title()
        self._show_place()
        self.renew_keys()

    @on(FindingTree.Found)
    def _found(self, event: FindingTree.Found) -> None:
        self.say(event.text)

    def step_back(self) -> Callable[[], object] | None:
        """The filter goes first, then the marks."""
        if self.outline.needle:
            return partial(self.outline.narrow, "")
        return self._unmark if self.outline.marked and self.step is not None else None

    def _unmark(self) -> None:
        if self.step is not None:
            self.steps[-1] = replace(self.step, erased=frozenset())
            self.show_step()

    def on_resize(self) -> None:
        self.call_after_refresh(self._title)
        self.call_after_refresh(self._show_place)
