"""Comparing on the Graph page: the graph in view beside an earlier one, or beside a new capture."""

from dataclasses import replace
from typing import Any

from engine.errors import InputError
from tui_app.controller import Controller
from tui_app.screens.base import Page
from tui_app.screens.graph.asking import Asking
from tui_app.screens.graph.choice import Choice, inputs_of, setting_of
from tui_app.screens.graph.choosing import as_typed, pick, pick_model
from tui_app.screens.graph.steps import Step, Steps
from tui_app.screens.pickers import Option, PickScreen

EARLIER, WITHOUT, MODEL = "step ", "without ", "another model"  # how what can be picked begins


class Comparing(Controller):
    """Opens the page that shows what differs."""

    def __init__(self, page: Page, asking: Asking, steps: Steps) -> None:
        self._page, self._asking, self._steps = page, asking, steps

    def live(self, action: str) -> bool:
        return self._steps.graph is not None

    def action_graph_compare(self) -> None:
        step = self._steps.now
        assert step is not None
        choice = step.choice
        before = [Option(f"{EARLIER}{place}", one.graph.heading) for place, one in enumerate(self._steps.before)]
        without = [Option(f"{WITHOUT}{name}", "a new capture") for name in choice.inputs if len(choice.inputs) > 1]
        other = "eval" if choice.mode == "train" else "train"
        more = [Option(text, "a new capture") for text in (f"mode={other}", "attention=eager", MODEL)]
        dialog = PickScreen("Compare with", [*before, *without, *more], typed=as_typed)
        pick(self._page, dialog, lambda picked: self._picked(picked, step))

    def _picked(self, picked: str, step: Step) -> None:
        """A step before, or a new capture with something else."""
        if picked.startswith(EARLIER):
            self._compare(self._steps.before[int(picked.removeprefix(EARLIER))], step)
        elif picked == MODEL:
            pick_model(self._page, "Compare with which model?", lambda model: self._beside(step, model=model))
        elif picked.startswith(WITHOUT):
            name = picked.removeprefix(WITHOUT)
            self._beside(step, inputs=tuple(one for one in step.choice.inputs if one != name))
        else:
            try:
                changes = setting_of(picked) if "=" in picked else {"inputs": inputs_of(picked)}
            except InputError as error:
                self._page.notify(str(error), severity="error", markup=False)
                return
            self._beside(step, **changes)

    def _beside(self, step: Step, **changes: Any) -> None:
        """Captures with something else and shows what differs."""
        self._asking.start(self._compare_with(step, replace(step.choice, **changes)))

    async def _compare_with(self, step: Step, choice: Choice) -> None:
        other = await self._asking.capture(choice)
        if other is not None and not other.graph.problem:
            self._compare(step, other)
        elif other is not None:
            self._asking.say(other.graph.problem, wrong=True)

    def _compare(self, left: Step, right: Step) -> None:
        """Unless another page was gone to meanwhile."""
        from tui_app.screens.graph.diff import GraphDiffScreen

        self._page.lab.arrive(self._page, GraphDiffScreen(left.graph, right.graph))
