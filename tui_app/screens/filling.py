"""Ways to fill a form other than typing: presets, an editor, lists of what is at hand."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from textual import on

from engine.errors import InputError
from engine.runtime.records import RunRecord
from tui_app import presets
from tui_app.screens.editing import edited
from tui_app.screens.labscreen import LabScreen
from tui_app.widgets.form.form import Form

FINETUNE = "finetune"
DATA = ("data", "text_column", "label_column", "max_length")


class Filling(LabScreen):
    """A page with a `form` of the `EXPERIMENT`; `history` holds past runs by id."""

    EXPERIMENT: ClassVar[str]
    form: Form
    history: Mapping[str, RunRecord]

    def action_launch_presets(self) -> None:
        from tui_app.screens.pickers import Option, PickScreen

        options = [
            Option(name, "settings of the last start" if name == presets.LAST else "")
            for name in presets.names(self.EXPERIMENT)
        ]
        self.app.push_screen(PickScreen("Presets", options), self.load_preset)

    def load_preset(self, name: str | None) -> None:
        if name is None:
            return
        try:
            values = presets.load(self.EXPERIMENT, name)
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self._take(values)

    def _take(self, values: Mapping[str, Any]) -> None:
        """Fills the form, and says what it has no place for."""
        if unknown := self.form.fill(values):
            text = f"Left out: there is no setting {', '.join(unknown)}."
            self.notify(text, severity="warning", timeout=8, markup=False)

    def action_launch_save(self) -> None:
        from tui_app.screens.ask import AskScreen

        self.app.push_screen(AskScreen("Save the settings as"), self._save)

    def _save(self, name: str | None) -> None:
        if not name:
            return
        try:
            presets.save(self.EXPERIMENT, name, self.form.toml)
        except (InputError, OSError) as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self.notify(f"Saved as preset {name}; P brings it back.", timeout=3, markup=False)

    def action_launch_edit(self) -> None:
        try:
            values = edited(self.app, self.form.toml)
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self._take(values)

    @on(Form.Picking)
    def _pick(self, event: Form.Picking) -> None:
        from tui_app.screens.source_options import picker

        name: Literal["model", "data"] = "model" if event.field.name == "model" else "data"
        train = self._finetune if name == "model" and self.EXPERIMENT != FINETUNE else None
        dialog = picker(name, event.field.title, self.lab.runs.rows.values(), finetune=train)
        self.app.push_screen(dialog, lambda picked: self.form.set_text(name, picked) if picked else None)

    def _finetune(self, model: str) -> None:
        """Opens the fine-tuning page on that model and this page's data."""
        config = self.form.config.model_dump(mode="json") if self.form.config is not None else {}
        data = {key: config[key] for key in DATA if key in config}
        self.lab.open_experiment(FINETUNE, {"model": model, **data})
