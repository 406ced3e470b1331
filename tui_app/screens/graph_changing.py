"""Transforms, erasing, comparing and exporting on the Graph page."""

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from engine.errors import InputError
from engine.graph.passes import PASSES
from tui_app.screens.graph_asking import GROUP, Choice, Step
from tui_app.screens.graph_choosing import as_typed, inputs_of, setting_of
from tui_app.screens.graph_walking import GraphWalking
from tui_app.screens.pickers import Option, PickScreen

FORMATS = ("fixed(8)", "fixed(4)", "mxint8", "mxfp4", "ternary")


class GraphChanging(GraphWalking):
    """What the keys do to the graph in view."""

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts something that asks the worker; not while something else is asked."""
        if self.asking:
            work.close()
            self.notify("Still at work; this can be asked for afterwards.", timeout=2)
        else:
            self.run_worker(work, group=GROUP)

    def push_step(self, step: Step) -> None:
        """Shows a graph that was made from the one in view."""
        self.steps.append(step)
        self.show_step()
        self.say(step.found)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("graph_passes", "graph_compare", "graph_erase"):
            return self.step is not None and not self.step.graph.problem
        if action == "graph_undo":
            return len(self.steps) > 1
        return super().check_action(action, parameters)

    def action_graph_undo(self) -> None:
        undone = self.steps.pop()
        self.show_step()
        self.say(f"Undone: {undone.graph.passes[-1]}.")

    def action_graph_passes(self) -> None:
        options = []
        for one in PASSES.values():
            calls = [f"{one.name}({spec})" for spec in FORMATS] if one.needs else [one.name]
            options += [Option(call, one.title) for call in calls]
        self.pick(PickScreen("Transform", options, typed=as_typed), lambda picked: self.do(self._transform(picked)))

    async def _transform(self, text: str) -> None:
        assert self.step is not None
        step = await self.transformed(self.step, text)
        if step is not None:
            self.push_step(step)

    def action_graph_erase(self) -> None:
        if self.node is None:
            self.notify("Put the cursor on a node: modules are not erased.", timeout=3)
        else:
            self.do(self._erase(self.node.name))

    async def _erase(self, node: str) -> None:
        from tui_app.screens.graph_erased import ErasedScreen

        assert self.step is not None
        answer = await self.erased(self.step, node)
        if answer is None:
            return
        report, after = answer
        self.steps[-1] = replace(self.step, erased=frozenset(report["users"]))
        self.show_step()
        if await self.lab.ask(self, ErasedScreen(report, after.found if after else "")) and after is not None:
            self.push_step(replace(after, erased=frozenset(report["users"])))

    def action_graph_compare(self) -> None:
        assert self.step is not None
        step, choice = self.step, self.step.choice
        before = [Option(f"step {place}", one.graph.heading) for place, one in enumerate(self.steps[:-1])]
        without = [Option(f"without {name}", "a new capture") for name in choice.inputs if len(choice.inputs) > 1]
        other = "eval" if choice.mode == "train" else "train"
        more = [Option(f"mode={other}", "a new capture"), Option("attention=eager", "a new capture")]
        options = [*before, *without, *more, Option("another model", "a new capture")]
        self.pick(PickScreen("Compare with", options, typed=as_typed), lambda picked: self._other(picked, step))

    def _other(self, picked: str, step: Step) -> None:
        """A step before, or a new capture with something else."""
        choice = step.choice
        if picked.startswith("step "):
            self.compare(self.steps[int(picked.removeprefix("step "))], step)
        elif picked == "another model":
            self.pick_model("Compare with which model?", lambda model: self._beside(step, model=model))
        elif picked.startswith("without "):
            name = picked.removeprefix("without ")
            self._beside(step, inputs=tuple(one for one in choice.inputs if one != name))
        else:
            try:
                changes = setting_of(picked) if "=" in picked else {"inputs": inputs_of(picked)}
            except InputError as error:
                self.notify(str(error), severity="error", markup=False)
                return
            self._beside(step, **changes)

    def _beside(self, step: Step, **changes: Any) -> None:
        """Captures with something else and shows what differs."""
        self.do(self._compare_with(step, replace(step.choice, **changes)))

    async def _compare_with(self, step: Step, choice: Choice) -> None:
        other = await self.capture(choice)
        if other is not None and not other.graph.problem:
            self.compare(step, other)
        elif other is not None:
            self.say(other.graph.problem, wrong=True)

    def compare(self, left: Step, right: Step) -> None:
        """Opens the page that shows what differs, unless another one was gone to meanwhile."""
        from tui_app.screens.graph_diff import GraphDiffScreen

        self.lab.arrive(self, GraphDiffScreen(left.graph, right.graph))

    def action_app_export(self) -> None:
        if self.step is None:
            self.notify("There is nothing to export here yet.")
            return
        from tui_app.screens.graph_export import GraphExportScreen

        self.app.push_screen(GraphExportScreen(self.step.graph, self.outline.module))

    def copies(self) -> str | None:
        return self.command
