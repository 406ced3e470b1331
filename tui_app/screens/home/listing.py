"""The table of runs on Home: filtered, ordered, marked, and compared with the pinned baseline."""

from textual.content import Content

from tui_app import glyphs
from tui_app.controller import Controller
from tui_app.runs.board import Board
from tui_app.runs.summary import ENDED, Summary
from tui_app.screens.base import Page
from tui_app.screens.home.beside import Beside
from tui_app.screens.home.facts import compared
from tui_app.screens.home.rows import Rows, columns
from tui_app.text import count
from tui_app.widgets.filterline import FilterInput
from tui_app.widgets.line import Line
from tui_app.widgets.pane import Pane
from tui_app.widgets.table import Table


class Listing(Controller):
    """`table` shows what `board` lets through; `marks` holds the slot of the palette of each marked run."""

    def __init__(self, page: Page, query: FilterInput, beside: Beside) -> None:
        self.table = Table(columns(), id="table", opens=True, marks=True)
        self.board = Board()
        self.marks: dict[str, int] = {}
        self._page, self._query, self._beside = page, query, beside
        self._rows = Rows()

    @property
    def chosen(self) -> Summary | None:
        """The run under the cursor."""
        return self._page.lab.runs.rows.get(self.table.key or "")

    @property
    def marked(self) -> list[Summary]:
        """The marked runs."""
        return [self._page.lab.runs.rows[name] for name in self.marks if name in self._page.lab.runs.rows]

    @property
    def previewed(self) -> list[str]:
        """The marked runs, or the one under the cursor."""
        return list(self.marks) or [name for name in [self.table.key] if name]

    @property
    def _baseline(self) -> Summary | None:
        """The pinned run."""
        return self._page.lab.runs.rows.get(self._page.lab.notebook.memory.baseline or "")

    @property
    def _shown(self) -> list[str]:
        """A run may be gone while another page was in front, before the board heard of it."""
        return [name for name in self.board.shown() if name in self._page.lab.runs.rows]

    def take(self, changed: frozenset[str]) -> None:
        """Takes news of runs; failures that nobody has opened come first."""
        runs = self._page.lab.runs.rows
        self.board.update(runs, changed)
        self.marks = {name: slot for name, slot in self.marks.items() if name in runs}
        self.board.put_first(frozenset(self._page.lab.notebook.memory.unopened))

    # What is shown

    def show(self) -> None:
        """Other runs, marks or order."""
        feed, ids = self._page.lab.runs, self._shown
        labels = {run.metric.label for name in ids if (run := feed.rows[name]).metric is not None}
        tags = max((len(feed.rows[name].tag) for name in ids), default=0)
        self.table.set_columns(columns(labels.pop() if len(labels) == 1 else "", max(4, tags) if tags else 0))
        reading = "" if feed.ready else "Reading the runs."
        self.table.say(feed.trouble or (self.board.problem or "No run passes the filter." if feed.rows else reading))
        self.table.sort_mark(self.board.sort, self.board.descending)
        pinned = compared(self._baseline, self._page.lab.config.keys)
        self._page.query_one("#runs", Pane).title("Runs", pinned)
        self._status(len(ids))
        self.age()
        self._page.renew_keys()

    def age(self) -> None:
        """What looks different as time goes by."""
        lab = self._page.lab
        slots, fresh = {**self.marks, **self._beside.slots}, frozenset(lab.notebook.memory.unopened)
        self.table.set_rows(self._rows.make(self._shown, lab.runs.rows, lab.clock(), slots, self._baseline, fresh))
        self._beside.jobs()
        self._beside.facts(self.chosen)

    def _status(self, shown: int) -> None:
        feed = self._page.lab.runs
        parts = [f"sort {self.board.sort}{glyphs.sign('descending' if self.board.descending else 'ascending')}"]
        if self.marks:
            parts.append(f"{len(self.marks)} marked")
        total = len(feed.rows) + feed.unread
        parts.append(count(total, "run") if shown == total else f"{shown:,} of {total:,}")
        said = Content(f" {glyphs.sign('dot')} ".join(parts) if feed.ready else "")
        self._page.query_one("#status", Line).show(said)

    def preview(self) -> None:
        """Follows the runs in view; their figure comes shortly."""
        self._beside.preview(self.previewed, self.table.key, self.marks)

    def show_all(self) -> None:
        """The table and the figure."""
        self.show()
        self.preview()

    # Marks

    def mark(self, name: str) -> None:
        """Marks a run, or takes the mark away, and goes on to the next."""
        if self.marks.pop(name, None) is None:
            self.marks[name] = next(n for n in range(len(self.marks) + 1) if n not in self.marks.values())
        self.show()
        self.table.action_table_down()
        self.preview()

    def unmark(self) -> None:
        """Takes all marks away."""
        self.marks.clear()
        self.show_all()

    def action_home_compare(self) -> None:
        if not self.marks:
            self._page.notify("Mark runs with space, then compare them with one another or with an imported curve.")
            return
        from tui_app.screens.compare import CompareScreen

        self._page.app.push_screen(CompareScreen(list(self.marks)))

    def action_home_baseline(self) -> None:
        run, memory = self.chosen, self._page.lab.notebook.memory
        if run is None:
            return
        if run.metric is None and run.state in ENDED and memory.baseline != run.id:
            self._page.notify(f"{run.id} has no best point that others could differ from.", markup=False)
            return
        self._page.lab.remember(memory.pinned(run.id))
        self.show_all()

    # Filter and order

    def action_home_filter(self) -> None:
        self._page.set_focus(self._query)

    def filter(self, text: str) -> None:
        """Shows only the runs that a filter lets through."""
        self.board.filter(text, self._page.lab.runs.rows, self._page.lab.clock())
        self.show_all()

    def unfilter(self) -> None:
        """Back to all runs, and out of the filter."""
        self._query.value = ""
        self._page.set_focus(self.table)

    def action_home_sort(self) -> None:
        self.board.next_sort(self._page.lab.runs.rows)
        self.show()

    def action_home_reverse(self) -> None:
        self.board.reverse()
        self.show()
