"""Choosing what the Graph page captures: model, inputs, mode, attention and sizes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.errors import InputError
from tui_app.screens.graph_asking import GROUP, GraphAsking
from tui_app.screens.pickers import Option, PickScreen

SETS = (
    "input_ids,attention_mask,labels",
    "input_ids,attention_mask",
    "input_ids,labels",
    "input_ids,attention_mask,token_type_ids",
    "input_ids",
)


class GraphChoosing(GraphAsking):
    """Each choice captures anew."""

    def pick(self, dialog: PickScreen, then: Callable[[str], object]) -> None:
        """Opens a dialog; `then` gets what was picked."""

        def take(picked: str | None) -> None:
            if picked:
                then(picked)

        self.app.push_screen(dialog, take)

    def action_graph_capture(self) -> None:
        """Captures what is chosen."""
        raise NotImplementedError

    def _recapture(self, **changes: Any) -> None:
        self.choice = replace(self.choice, **changes)
        self.capture_instead()

    def capture_instead(self) -> None:
        """Captures what is chosen now, in place of whatever is under way."""
        self.workers.cancel_group(self, GROUP)
        self.asking = ""
        self.action_graph_capture()

    def action_graph_model(self) -> None:
        self.pick_model("Model", lambda picked: self._recapture(model=picked))

    def pick_model(self, title: str, then: Callable[[str], object]) -> None:
        """A model from those that are at hand, or one that is named."""
        from tui_app.screens.source_options import picker

        self.pick(picker("model", title, self.lab.runs.rows.values()), then)

    def action_graph_inputs(self) -> None:
        dialog = PickScreen("Inputs", [Option(text) for text in SETS], typed=as_typed)
        self.pick(dialog, lambda picked: self._recapture(inputs=inputs_of(picked)))

    def action_graph_settings(self) -> None:
        now = self.choice
        options = [
            Option(f"{name}={value}", "as it is" if getattr(now, name) == value else "")
            for name, values in (("mode", ("train", "eval")), ("attention", ("auto", "sdpa", "eager")))
            for value in values
        ]
        options += [Option(f"batch={now.batch}", "type another number"), Option(f"sequence={now.sequence}", "likewise")]
        self.pick(PickScreen("Settings of the capture", options, typed=as_typed), self._set)

    def _set(self, picked: str) -> None:
        try:
            self._recapture(**setting_of(picked))
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)


def as_typed(text: str) -> Option:
    """Whatever is typed can be taken."""
    return Option(text, "as typed")


def inputs_of(text: str) -> tuple[str, ...]:
    """The names in `input_ids,labels`."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def setting_of(text: str) -> dict[str, Any]:
    """`mode=eval` or `sequence=256` as a change of the choice. Raises InputError for anything else."""
    name, _, value = text.partition("=")
    allowed = {"mode": ("train", "eval"), "attention": ("auto", "sdpa", "eager")}
    if name in ("batch", "sequence") and value.isdecimal() and int(value) > 0:
        return {name: int(value)}
    if value in allowed.get(name, ()):
        return {name: value}
    raise InputError(f"{text} is no setting of a capture; write mode=eval, attention=eager, batch=8 or sequence=256.")
