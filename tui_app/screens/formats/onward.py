"""Where the Formats page goes: to another model, and to the pages that measure accuracy in its formats."""

from tui_app.controller import Controller
from tui_app.screens.base import Page
from tui_app.screens.formats.asking import Asking
from tui_app.screens.formats.sides import Sides


class Onward(Controller):
    """Takes the model and the formats in view along, with the data that the model's newest run used."""

    def __init__(self, page: Page, sides: Sides, asking: Asking) -> None:
        self._page, self._sides, self._asking = page, sides, asking

    def action_formats_model(self) -> None:
        from tui_app.screens.source_options import picker

        dialog = picker("model", "Model", self._page.lab.runs.rows.values())
        self._page.app.push_screen(dialog, lambda picked: self._asking.open_model(picked) if picked else None)

    def action_formats_quantize(self) -> None:
        self._open("quantize")

    def action_formats_sensitivity(self) -> None:
        self._open("sensitivity")

    def _open(self, experiment: str) -> None:
        runs = sorted(self._page.lab.runs.rows.values(), key=lambda run: run.created)
        model = self._asking.model
        data = {run.model: run.data for run in runs if run.data}.get(model, "builtin")
        settings = {"model": model, "data": data, "formats": self._sides.specs}
        self._page.lab.open_experiment(experiment, settings)
