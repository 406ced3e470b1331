"""The Prune page."""

from textual import on

from engine.errors import InputError
from engine.runtime.references import PREFIX
from engine.runtime.spec import RunSpec
from tui_app.runs.summary import Summary
from tui_app.screens.base import Page
from tui_app.screens.experiment.screen import ExperimentScreen
from tui_app.widgets.form.fields import to_text
from tui_app.widgets.form.form import Form
from tui_app.widgets.pane import Pane

CARRIED = ("data", "text_column", "label_column", "max_length", "eval_samples")


class Start:
    """Lets the form start from the newest quantisation run, as long as nobody has said otherwise."""

    def __init__(self, page: Page, form: Form) -> None:
        self._page, self._form = page, form
        self._run = ""  # the run that the form was last made to start from
        self._left: dict[str, str | None] | None = None  # what the form said before anybody typed

    def look(self) -> bool:
        """Takes the run if it is another one than before; True where it was taken."""
        if self._left is None:
            self._left = self._form.changed
        run = self._last_quantised()
        if run is None or run.id == self._run or self._left != self._form.changed:
            return False
        self._take(run)
        return True

    def _last_quantised(self) -> Summary | None:
        """The newest quantisation run that has finished and chosen a point, unless something has been pruned since."""
        runs = self._page.lab.runs.rows.values()
        chosen = [run for run in runs if run.state == "finished" and run.metric is not None]
        either = [run for run in chosen if run.experiment in ("quantize", "prune")]
        newest = max(either, key=lambda run: (run.created, run.id), default=None)
        return newest if newest is not None and newest.experiment == "quantize" else None

    def _take(self, run: Summary) -> None:
        try:
            config = RunSpec.read(run.path).config
        except InputError:
            config = {"data": run.data}
        self._run = run.id
        carried = {name: to_text(config[name]) for name in CARRIED if name in config}
        self._form.set_texts({"model": PREFIX + run.id, **carried})
        self._left = self._form.changed
        self._page.notify(f"Starts from what {run.id} chose. {run.reason}", title="Model", markup=False)


class PruneScreen(ExperimentScreen):
    """Starts from the best point of the last quantisation, or from what it was filled with."""

    TAB = "prune"
    EXPERIMENT = "prune"
    HELP = (
        "What to leave out of which model. It starts from the best point of the last quantisation run where there is "
        "one; enter on the model lists others. ctrl+r prunes from any field."
    )

    def __init__(self) -> None:
        super().__init__()
        self._start = Start(self, self.form)

    def runs_changed(self, changed: frozenset[str]) -> None:
        super().runs_changed(changed)
        if self.form.is_mounted and self.filled is None and self._start.look():
            self._say()

    @on(Form.Changed)
    def _say(self) -> None:
        model = self.form.changed.get("model") or ""
        start = model.removeprefix(PREFIX) if model.startswith(PREFIX) else ""
        what = start if "/" in start else f"the best of {start}"
        self.query_one("#settings", Pane).title(self.experiment.title, f"from {what}" if start else "")
