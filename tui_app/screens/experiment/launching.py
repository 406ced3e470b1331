"""Starting what an experiment's form says."""

from collections.abc import Callable

from engine.errors import InputError
from tui_app import presets
from tui_app.controller import Controller
from tui_app.screens.base import Page
from tui_app.screens.experiment.planning import Planning
from tui_app.widgets.form.form import Form


class Launching(Controller):
    """The warm worker starts the run; `started` is called with its id."""

    def __init__(self, page: Page, name: str, form: Form, planning: Planning, started: Callable[[str], object]) -> None:
        self._page, self._name, self._form = page, name, form
        self._planning, self._started = planning, started
        self._busy = False

    def action_launch_start(self) -> None:
        if self._busy:  # what has been asked for cannot be taken back: a second key would start a second run
            return
        self._form.accept()
        if self._form.config is None:
            self._form.focus_wrong()
            self._page.notify(" ".join(self._form.errors.values()), severity="error", markup=False)
            return
        self._busy = True
        self._page.run_worker(self._launch(), group="launch")

    async def _launch(self) -> None:
        lab, changed, toml = self._page.lab, self._form.changed, self._form.toml
        self._planning.begin()
        try:
            presets.save(self._name, presets.LAST, toml)
            started = await lab.interactive.ask("launch", experiment=self._name, values=changed)
        except (InputError, OSError) as error:
            self._planning.object(str(error))
            self._page.notify(str(error), severity="error", markup=False)
            return
        finally:
            self._busy = False
        self._started(started)
        lab.runs.wake()
        self._planning.plan()
        self._page.notify(f"{started} is on its way; it goes on without this screen.", markup=False)
