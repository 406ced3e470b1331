"""Ways to fill a form other than typing: presets, an editor, lists of what is at hand."""

from collections.abc import Mapping
from typing import Any, Literal

from engine.errors import InputError
from tui_app import presets
from tui_app.controller import Controller
from tui_app.screens.base import Page
from tui_app.screens.experiment.editing import edited
from tui_app.widgets.form.fields import Field
from tui_app.widgets.form.form import Form

FINETUNE = "finetune"
DATA = ("data", "text_column", "label_column", "max_length")


class Filling(Controller):
    """`name` is the experiment that `form` is of."""

    def __init__(self, page: Page, name: str, form: Form) -> None:
        self._page, self._name, self._form = page, name, form

    def action_launch_presets(self) -> None:
        from tui_app.screens.pickers import Option, PickScreen

        if not presets.names(self._name):
            self._page.notify("There are no presets yet; ctrl+s saves the form as one.", timeout=4)
            return
        options = [
            Option(name, "settings of the last start" if name == presets.LAST else "")
            for name in presets.names(self._name)
        ]
        self._page.app.push_screen(PickScreen("Presets", options), self._load)

    def load_last(self) -> None:
        """Fills the form as it was when something was last started from it, if anything was."""
        if presets.LAST in presets.names(self._name):
            self._load(presets.LAST)

    def _load(self, preset: str | None) -> None:
        if preset is None:
            return
        try:
            values = presets.load(self._name, preset)
        except InputError as error:
            self._say(error)
            return
        self._take(values)

    def _take(self, values: Mapping[str, Any]) -> None:
        """Fills the form, and says what it has no place for."""
        if unknown := self._form.fill(values):
            text = f"Left out: there is no setting {', '.join(unknown)}."
            self._page.notify(text, severity="warning", timeout=8, markup=False)

    def _say(self, error: Exception) -> None:
        self._page.notify(str(error), severity="error", markup=False)

    def action_launch_save(self) -> None:
        from tui_app.screens.ask import AskScreen

        self._page.app.push_screen(AskScreen("Save the settings as"), self._save)

    def _save(self, preset: str | None) -> None:
        if not preset:
            return
        try:
            presets.save(self._name, preset, self._form.toml)
        except (InputError, OSError) as error:
            self._say(error)
            return
        self._page.notify(f"Saved as preset {preset}; P brings it back.", timeout=3, markup=False)

    def action_launch_edit(self) -> None:
        try:
            values = edited(self._page.app, self._form.toml)
        except InputError as error:
            self._say(error)
            return
        self._take(values)

    def pick(self, field: Field) -> None:
        """Lists what is at hand for a model or data."""
        from tui_app.screens.source_options import picker

        name: Literal["model", "data"] = "model" if field.name == "model" else "data"
        train = self._finetune if name == "model" and self._name != FINETUNE else None
        dialog = picker(name, field.title, self._page.lab.runs.rows.values(), finetune=train)
        self._page.app.push_screen(dialog, lambda picked: self._form.set_text(name, picked) if picked else None)

    def _finetune(self, model: str) -> None:
        """Opens the fine-tuning page on that model and this page's data."""
        config = self._form.config.model_dump(mode="json") if self._form.config is not None else {}
        data = {key: config[key] for key in DATA if key in config}
        self._page.lab.open_experiment(FINETUNE, {"model": model, **data})
