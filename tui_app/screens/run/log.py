"""The log on a run's page: of the point that runs, else of the one under the cursor."""

from engine.experiments.taken import in_words
from engine.runtime.records import PointRecord, RunRecord
from tui_app.runs.summary import Summary
from tui_app.screens.tail import Tail
from tui_app.text import clean
from tui_app.widgets.log import LogView
from tui_app.widgets.pane import Pane


class RunLog:
    """`pane` holds the `view` that the log is read into as it grows."""

    def __init__(self) -> None:
        self.view = LogView(id="log-view")
        self.pane = Pane(self.view, label="Log", jump="l", id="log")
        self._tail = Tail()
        self._title = "Log"

    def show(self, run: Summary | None, record: RunRecord | None, chosen: PointRecord | None) -> None:
        """Reads on, where the log can be seen."""
        if run is None or record is None or not self.view.is_on_screen:
            return
        point = next(iter(record.running), chosen)
        if point is not None:
            fresh, lines = self._tail.read(run.path, point.index, point.attempt)
            if fresh:
                self.view.clear()
                self._title = f"Log of {_named(point)}"
            self.view.add(lines)
            nothing = "" if self.view.line_count else ", empty"
            self.pane.title(f"{self._title}{nothing}", in_words(record))


def _named(point: PointRecord) -> str:
    values = list(dict.fromkeys(clean(value) for value in point.params.values()))
    return clean(point.params.get("what", "")) or " ".join(values[:2]) or f"point {point.index}"
