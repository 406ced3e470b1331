"""Transforms, erasing and undoing on the Graph page."""

from dataclasses import replace

from engine.graph.passes import PASSES
from tui_app.controller import Controller
from tui_app.screens.base import Page
from tui_app.screens.graph.asking import Asking
from tui_app.screens.graph.choosing import as_typed, pick
from tui_app.screens.graph.steps import Step, Steps
from tui_app.screens.graph.walking import Walking
from tui_app.screens.pickers import Option, PickScreen

FORMATS = ("fixed(8)", "fixed(4)", "mxint8", "mxfp4", "ternary")


class Changing(Controller):
    """Makes a graph out of the one in view, and goes back to that."""

    def __init__(self, page: Page, asking: Asking, steps: Steps, walking: Walking) -> None:
        self._page, self._asking, self._steps, self._walking = page, asking, steps, walking

    def live(self, action: str) -> bool:
        return len(self._steps) > 1 if action == "graph_undo" else self._steps.graph is not None

    def _push(self, step: Step) -> None:
        self._steps.push(step)
        self._asking.say(step.found)

    def action_graph_undo(self) -> None:
        undone = self._steps.pop()
        self._asking.say(f"Undone: {undone.graph.passes[-1]}.")

    def action_graph_passes(self) -> None:
        options = []
        for one in PASSES.values():
            calls = [f"{one.name}({spec})" for spec in FORMATS] if one.needs else [one.name]
            options += [Option(call, one.title) for call in calls]
        dialog = PickScreen("Transform", options, typed=as_typed)
        pick(self._page, dialog, lambda picked: self._asking.start(self._transform(picked)))

    async def _transform(self, text: str) -> None:
        assert self._steps.now is not None
        step = await self._asking.transformed(self._steps.now, text)
        if step is not None:
            self._push(step)

    def action_graph_erase(self) -> None:
        node = self._walking.node
        if node is None:
            self._page.notify("Put the cursor on a node: modules are not erased.", timeout=3)
        else:
            self._asking.start(self._erase(node.name))

    async def _erase(self, node: str) -> None:
        from tui_app.screens.graph.erased import ErasedScreen

        assert self._steps.now is not None
        answer = await self._asking.erased(self._steps.now, node)
        if answer is None:
            return
        report, after = answer
        users = frozenset(report["users"])
        self._steps.mark(users)
        dialog = ErasedScreen(report, after.found if after else "")
        if await self._page.lab.ask(self._page, dialog) and after is not None:
            self._push(replace(after, erased=users))
