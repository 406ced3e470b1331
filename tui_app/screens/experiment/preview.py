"""What a form will do, before the first run of its kind: its points, and what a format does to a layer."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.timer import Timer
from textual.widgets import Static

from engine.errors import InputError
from engine.experiments.api import AnyExperiment
from engine.experiments.api import Column as Quantity
from engine.runtime.records import Params
from tui_app.living import Living
from tui_app.text import clean, count
from tui_app.widgets.formatplot import FormatPlot, columns_in
from tui_app.widgets.pane import Pane
from tui_app.widgets.table import Table
from tui_app.widgets.values import Entry, ValuesTable

FORMAT = "format"
REST = 0.3  # seconds without a change, before the worker is asked
LISTED = 500


class PlanTable(ValuesTable):
    """The points, with what tells them apart."""

    HELP = "The points that ctrl+r runs. On one with a format the plot shows what that does to a layer of the model."


class Preview(Living, Vertical):
    """`show` takes the points; the format of the one under the cursor is drawn on a layer where that costs nothing."""

    DEFAULT_CSS = """
    Preview { height: 1fr; }
    Preview PlanTable { height: 1fr; }
    Preview #layer { height: 1; padding: 0 1; color: $muted; text-wrap: nowrap; text-overflow: ellipsis; }
    Preview FormatPlot { height: 1fr; }
    Preview.-plain #layer, Preview.-plain FormatPlot { display: none; }
    """

    def __init__(self, ask: Callable[..., Awaitable[Any]]) -> None:
        super().__init__(classes="-plain")
        self.table = PlanTable(id="plan-table")
        self._plot = FormatPlot(0, id="plan-plot")
        self._plot.can_focus = False
        self._ask = ask
        self._points: Sequence[Params] = ()
        self._model = ""
        self._resting: Timer | None = None
        self._asked: tuple[str, str, int] = ("", "", 0)

    def compose(self) -> ComposeResult:
        yield self.table
        yield Static(id="layer")
        yield self._plot

    def show(self, experiment: AnyExperiment, config: Mapping[str, Any], points: Sequence[Params]) -> None:
        """Lists the points of a config."""
        self._points, self._model = points, str(config.get("model", ""))
        known = {column.key: column for column in experiment.columns_of(config)}
        keys = dict.fromkeys(key for point in points[:LISTED] for key, value in point.items() if _told(value))
        keys = dict.fromkeys([*(key for key in known if key in keys), *keys])  # as the table of the run has them
        quantities = [known.get(key) or Quantity(key, key.replace("_", " ").capitalize(), "text") for key in keys]
        self.table.fill(quantities, [Entry(str(place), point) for place, point in enumerate(points[:LISTED])])
        self._title(count(len(points), "point"))
        self._soon()

    def say(self, text: str) -> None:
        """There are no points, and why."""
        self._points = ()
        self.table.say(clean(text))
        self.table.fill((), ())
        self._title("")
        self._soon()

    def _title(self, right: str) -> None:
        if isinstance(self.parent, Pane):
            self.parent.title("What it will do", right)

    # A format on a layer

    @on(Table.Highlighted)
    def _soon(self) -> None:
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(REST, self._look)

    def _look(self) -> None:
        self.run_worker(self._draw(), group="preview", exclusive=True)

    async def _draw(self) -> None:
        key = self.table.key
        spec = str(self._points[int(key)].get(FORMAT, "")) if key is not None and self._points else ""
        wanted = self._model, spec, columns_in(self.size.width - 2)
        if not all(wanted):
            self.add_class("-plain")
            return
        if wanted == self._asked:
            return
        try:
            shown = await self._ask("format_sample", model=wanted[0], spec=spec, columns=wanted[2])
        except InputError:  # a model that cannot be had: the plan says so
            shown = None
        self._asked = wanted if shown else ("", "", 0)
        self.set_class(not shown, "-plain")
        if shown:
            title = f"{spec} on {shown['name']}, {'x'.join(map(str, shown['shape']))}"
            self.query_one("#layer", Static).update(clean(title))
            self._plot.show(shown, shown["formats"][0], len(shown["counts"]))

    def on_resize(self) -> None:
        self._soon()


def _told(value: object) -> bool:
    return not isinstance(value, list | dict)
