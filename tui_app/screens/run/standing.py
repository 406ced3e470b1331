"""How a run stands, on its page: a line, what went wrong, and which point is the best."""

from textual.content import Content

from engine.experiments.api import Choice
from engine.runtime.records import RunRecord
from tui_app import glyphs
from tui_app.runs.notice import failure
from tui_app.runs.summary import Summary
from tui_app.screens.base import Page
from tui_app.screens.runline import run_line
from tui_app.text import clean
from tui_app.widgets.line import Line


class Standing:
    """`line` stands above, `failure` below it where there is something to say, `best` at the foot of the page."""

    def __init__(self, page: Page, name: str) -> None:
        self.line, self.failure, self.best = Line(id="line"), Line(id="failure"), Line(id="best")
        self._page, self._name = page, name
        self._best: Choice | None = None

    def show(self, run: Summary | None, record: RunRecord | None, best: Choice | None) -> None:
        """What changes as the run goes on and as time goes by."""
        line = Content(f" {self._name}")
        if run is not None:
            line = run_line(run, record, self._page.lab.clock(), self._page.size.width)
        self.line.show(line)
        if best != self._best:
            self._best = best
            self.best.display = best is not None
            said = Content.assemble(("best  ", "bold $success"), clean(best.reason)) if best else Content("")
            self.best.show(said, layout=True)

    def show_failure(self, record: RunRecord | None) -> None:
        """What went wrong, whole, with what to do; None where it stands in the figure's place."""
        text = failure(record, self._page.lab.config.keys) if record is not None else ""
        what, _, advice = text.partition("\n\n")
        said = "\n".join((what.replace(":\n", ": ", 1), advice.replace("\n", f" {glyphs.sign('dot')} ")))
        self.failure.display = bool(text)
        self.failure.show(Content(said), layout=True)
