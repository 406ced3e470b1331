"""Home: every run in one table, the figure of the marked ones, and what is at work."""

from collections.abc import Callable, Iterable

from textual import on
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input

from tui_app import glyphs
from tui_app.actions import bindings
from tui_app.runs.board import Board
from tui_app.runs.listing import listing
from tui_app.runs.summary import Summary
from tui_app.screens import home_facts
from tui_app.screens.base import Exports
from tui_app.screens.home_figure import HomeFigure
from tui_app.screens.home_news import Since
from tui_app.screens.home_rows import Rows, columns
from tui_app.screens.labscreen import LabScreen
from tui_app.screens.runactions import RunActions
from tui_app.screens.searchactions import SearchActions
from tui_app.screens.welcome import Welcome
from tui_app.text import count
from tui_app.widgets.filterline import FilterInput
from tui_app.widgets.line import Line
from tui_app.widgets.pane import Pane
from tui_app.widgets.table import Table


class HomeScreen(LabScreen):
    """The first page."""

    TAB = "home"
    BINDINGS = bindings("home", "run")
    HELP = "All runs. Mark some with space to see their curves together; type / to filter; enter opens a run."

    def __init__(self) -> None:
        super().__init__()
        self.board = Board()
        self.marks: dict[str, int] = {}
        self._rows = Rows()
        self.adopt(RunActions(self, self.chosen_run))
        self.adopt(SearchActions(self, self.chosen_run))

    def body(self) -> Iterable[Widget]:
        yield Horizontal(Line("/", id="slash"), FilterInput(), Line(id="status"), id="filterline")
        yield Since()
        yield Welcome()
        yield Horizontal(
            Vertical(
                Pane(Table(columns(), id="table", opens=True, marks=True), label="Runs", jump="r", id="runs"),
                HomeFigure(),
                id="left",
                classes="deck",
            ),
            Vertical(
                Pane(VerticalScroll(Line(id="facts")), label="Details", jump="d", id="details"),
                id="right",
                classes="deck",
            ),
            id="main",
        )
        yield Line(id="jobs")

    def on_mount(self) -> None:
        self.table.focus()
        self.set_interval(1.0, self._age)

    @property
    def table(self) -> Table:
        """The runs."""
        return self.query_one("#table", Table)

    @property
    def baseline(self) -> Summary | None:
        """The pinned run."""
        return self.lab.runs.rows.get(self.lab.notebook.memory.baseline or "")

    def chosen_run(self) -> Summary | None:
        """The run under the cursor."""
        return self.lab.runs.rows.get(self.table.key or "")

    # News of runs

    def runs_changed(self, changed: frozenset[str]) -> None:
        feed = self.lab.runs
        self.board.update(feed.rows, changed)
        for name in [name for name in self.marks if name not in feed.rows]:
            del self.marks[name]
        arrived = False
        if feed.ready and not feed.unread:
            arrived = self.query_one(Since).tell(feed.rows.values(), self.lab.last_visit, self.lab.clock())
        self.board.put_first(frozenset(self.lab.notebook.memory.unopened))
        self._show()
        if arrived:
            self.table.action_table_top()  # failures came to the top
        self._preview()

    def _shown(self) -> list[str]:
        """A run may be gone while another page was in front, before the board heard of it."""
        return [name for name in self.board.shown() if name in self.lab.runs.rows]

    def _show(self) -> None:
        feed, ids = self.lab.runs, self._shown()
        empty = feed.ready and not (feed.rows or feed.unread or feed.trouble)
        if empty != self.has_class("-empty"):
            self.set_class(empty, "-empty")
            (self.query_one(Welcome) if empty else self.table).focus()
        labels = {run.metric.label for name in ids if (run := feed.rows[name]).metric is not None}
        tags = max((len(feed.rows[name].tag) for name in ids), default=0)
        self.table.set_columns(columns(labels.pop() if len(labels) == 1 else "", max(4, tags) if tags else 0))
        reading = "" if feed.ready else "Reading the runs."
        self.table.say(feed.trouble or (self.board.problem or "No run passes the filter." if feed.rows else reading))
        self.table.sort_mark(self.board.sort, self.board.descending)
        pinned = home_facts.compared(self.baseline, self.lab.config.keys)
        self.query_one("#runs", Pane).title("Runs", pinned)
        self._status(len(ids))
        self._age()
        self.renew_keys()

    def _age(self) -> None:
        """What looks different as time goes by."""
        feed, now = self.lab.runs, self.lab.clock()
        slots = self.marks | self.query_one(HomeFigure).slots
        fresh = frozenset(self.lab.notebook.memory.unopened)
        self.table.set_rows(self._rows.make(self._shown(), feed.rows, now, slots, self.baseline, fresh))
        active = sorted(
            (run for run in feed.rows.values() if run.state in ("running", "queued")), key=lambda run: run.created
        )
        line = self.query_one("#jobs", Line)
        line.display = bool(active)
        line.show(home_facts.jobs(active, now, self.size.width))
        self._facts()

    def _status(self, shown: int) -> None:
        feed = self.lab.runs
        parts = [f"sort {self.board.sort}{glyphs.sign('descending' if self.board.descending else 'ascending')}"]
        if self.marks:
            parts.append(f"{len(self.marks)} marked")
        total = len(feed.rows) + feed.unread
        parts.append(count(total, "run") if shown == total else f"{shown:,} of {total:,}")
        self.query_one("#status", Line).show(Content(f" {glyphs.sign('dot')} ".join(parts) if feed.ready else ""))

    def _facts(self) -> None:
        run = self.chosen_run()
        pane = self.query_one("#details", Pane)
        if not pane.is_on_screen and not pane.region:
            return
        records = self.lab.runs.records
        text = Content("")
        if run is not None:
            baseline = self.lab.notebook.memory.baseline
            text = home_facts.facts(run, records.get(run.id), records.get(baseline or ""), self.lab.clock())
        pane.title(run.id if run is not None else "Details")
        self.query_one("#facts", Line).show(text, layout=True)

    def _previewed(self) -> list[str]:
        return list(self.marks) or [name for name in [self.table.key] if name]

    def _preview(self) -> None:
        """Follows the runs in view; their figure comes shortly."""
        ids = self._previewed()
        self.follow_runs([*ids, *filter(None, [self.table.key, self.lab.notebook.memory.baseline])])
        self.query_one(HomeFigure).want(ids, self.marks)

    @on(HomeFigure.Drawn)
    def _drawn(self) -> None:
        self._show()

    # Keys

    @on(Table.Highlighted)
    def _moved(self) -> None:
        self._facts()
        self._preview()
        self.renew_keys()

    @on(Table.Marked)
    def _mark(self, event: Table.Marked) -> None:
        if self.marks.pop(event.key, None) is None:
            self.marks[event.key] = next(n for n in range(len(self.marks) + 1) if n not in self.marks.values())
        self._show()
        self.table.action_table_down()
        self._preview()

    @on(Table.Opened)
    def _open(self, event: Table.Opened) -> None:
        self.lab.open_run(event.key)

    @on(Input.Changed)
    def _filter(self, event: Input.Changed) -> None:
        self.board.filter(event.value, self.lab.runs.rows, self.lab.clock())
        self._show()
        self._preview()

    def action_home_filter(self) -> None:
        self.set_focus(self.query_one(FilterInput))

    def action_home_sort(self) -> None:
        self.board.next_sort(self.lab.runs.rows)
        self._show()

    def action_home_reverse(self) -> None:
        self.board.reverse()
        self._show()

    def action_home_new(self) -> None:
        self.query_one(Welcome).new()

    def action_home_demo(self) -> None:
        self.query_one(Welcome).demo("text")

    def action_home_demo_lm(self) -> None:
        self.query_one(Welcome).demo("lm")

    def action_home_demo_vision(self) -> None:
        self.query_one(Welcome).demo("vision")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The demo's key is for a project without runs; what needs a run waits for one."""
        empty = self.has_class("-empty")
        if action.startswith("home_demo"):
            return empty
        needs_runs = action.startswith(("home_", "run_", "app_export", "app_copy")) and action != "home_new"
        return False if empty and needs_runs else super().check_action(action, parameters)

    def action_home_compare(self) -> None:
        if len(self.marks) < 2:
            self.notify("Mark two runs or more with space, then compare them.")
            return
        from tui_app.screens.compare import CompareScreen

        self.app.push_screen(CompareScreen(list(self.marks)))

    def action_home_baseline(self) -> None:
        run = self.chosen_run()
        if run is not None:
            self.lab.remember(self.lab.notebook.memory.pinned(run.id))
            self._show()
            self._preview()

    def step_back(self) -> Callable[[], object] | None:
        """Out of the filter, then the filter's text, then the news, then the marks."""
        query = self.query_one(FilterInput)
        if query.has_focus or query.value:
            return self._unfilter
        if self.query_one(Since).display:
            return self._dismiss_news
        return self._unmark if self.marks else None

    def _unfilter(self) -> None:
        self.query_one(FilterInput).value = ""
        self.set_focus(self.table)

    def _dismiss_news(self) -> None:
        self.query_one(Since).display = False

    def _unmark(self) -> None:
        self.marks.clear()
        self._show()
        self._preview()

    def exports(self) -> Exports | None:
        """The figure in view, its runs, and the table as it is filtered and ordered."""
        feed = self.lab.runs
        records = [record for name in self._previewed() if (record := feed.records.get(name)) is not None]
        table = listing([feed.rows[name] for name in self.board.shown()])
        stem = "-".join(record.id for record in records[:4]) or "runs"
        return Exports(stem, self.query_one(HomeFigure).curve.figures, table, records)

    def copies(self) -> str | None:
        """The marked rows, or the one under the cursor, with tabs between the values."""
        cells = {row.key: row.cells for row in self.table.rows}
        return "\n".join("\t".join(map(str, cells[name])) for name in self._previewed() if name in cells)
