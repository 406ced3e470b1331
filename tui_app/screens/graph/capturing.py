"""Capturing on the Graph page: what is chosen, and the dialogs that choose something else and capture anew."""

from dataclasses import replace
from typing import Any

from engine.errors import InputError
from engine.experiments.launch import command
from tui_app.controller import Controller
from tui_app.screens.base import Page
from tui_app.screens.graph.asking import Asking
from tui_app.screens.graph.choice import CHOICES, Choice, inputs_of, setting_of
from tui_app.screens.graph.choosing import as_typed, pick, pick_model
from tui_app.screens.graph.steps import Steps
from tui_app.screens.graph.walking import Walking
from tui_app.screens.pickers import Option, PickScreen

SETS = (
    "input_ids,attention_mask,labels",
    "input_ids,attention_mask",
    "input_ids,labels",
    "input_ids,attention_mask,token_type_ids",
    "input_ids",
)


class Capturing(Controller):
    """`choice` is what the next capture is of."""

    def __init__(self, page: Page, asking: Asking, steps: Steps, walking: Walking) -> None:
        self.choice = Choice()
        self._page, self._asking, self._steps, self._walking = page, asking, steps, walking

    @property
    def command(self) -> str:
        """The command line that captures the same and applies the passes of the graph in view."""
        applied = () if self._steps.now is None else self._steps.now.graph.passes
        passes = [text for text in applied if not text.startswith("erase(")]
        return command("graph", self.choice.settings | ({"passes": passes} if passes else {}))

    def action_graph_capture(self) -> None:
        self._asking.start(self._capture())

    async def _capture(self) -> None:
        step = await self._asking.capture(self.choice)
        if step is None:
            return
        self._walking.forget()
        self._steps.begin(step)
        if not step.graph.problem:
            weighed = await self._asking.weighed(step)
            if weighed is not None:
                self._steps.weigh(step, weighed)

    def instead(self, choice: Choice) -> None:
        """Captures something else, in place of whatever is under way."""
        self.choice = choice
        self._asking.stop()
        self.action_graph_capture()

    def _change(self, **changes: Any) -> None:
        self.instead(replace(self.choice, **changes))

    def action_graph_model(self) -> None:
        pick_model(self._page, "Model", lambda picked: self._change(model=picked))

    def action_graph_inputs(self) -> None:
        dialog = PickScreen("Inputs", [Option(text) for text in SETS], typed=as_typed)
        pick(self._page, dialog, lambda picked: self._change(inputs=inputs_of(picked)))

    def action_graph_settings(self) -> None:
        now = self.choice
        options = [
            Option(f"{name}={value}", "as it is" if getattr(now, name) == value else "")
            for name, values in CHOICES.items()
            for value in values
        ]
        options += [Option(f"batch={now.batch}", "type another number"), Option(f"sequence={now.sequence}", "likewise")]
        pick(self._page, PickScreen("Settings of the capture", options, typed=as_typed), self._set)

    def _set(self, picked: str) -> None:
        try:
            self._change(**setting_of(picked))
        except InputError as error:
            self._page.notify(str(error), severity="error", markup=False)
