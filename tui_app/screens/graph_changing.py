"""Transforms, erasing, comparing and exporting on the Graph page."""

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from engine.errors import InputError
from engine.graph.passes import PASSES
from tui_app.screens.graph_asking import Choice, Step
from tui_app.screens.graph_choosing import inputs_of, setting_of
from tui_app.screens.graph_walking import GraphWalking
from tui_app.screens.pickers import Option

FORMATS = ("fixed(8)", "fixed(4)", "mxint8", "mxfp4", "ternary")


class GraphChanging(GraphWalking):
    """What the keys do to the graph in view."""

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts something that asks the worker; not while something else is asked."""
        if self.asking:
            work.close()
            self.notify("Still at work; this can be asked for afterwards.", timeout=2)
        else:
            self.run_worker(work, group="graph")

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
        self.choose(self._pick_pass())

    async def _pick_pass(self) -> None:
        options = []
        for one in PASSES.values():
            calls = [f"{one.name}({spec})" for spec in FORMATS] if one.needs else [one.name]
            options += [Option(call, one.title) for call in calls]
        picked = await self.pick("Transform", options, free=True)
        if picked:
            self.do(self._transform(picked))

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
        if await self.app.push_screen_wait(ErasedScreen(report, after.found if after else "")) and after is not None:
            self.push_step(replace(after, erased=frozenset(report["users"])))

    def action_graph_compare(self) -> None:
        self.choose(self._pick_other())

    async def _pick_other(self) -> None:
        assert self.step is not None
        step, choice = self.step, self.step.choice
        before = [Option(f"step {place}", one.graph.heading) for place, one in enumerate(self.steps[:-1])]
        without = [Option(f"without {name}", "a new capture") for name in choice.inputs if len(choice.inputs) > 1]
        other = "eval" if choice.mode == "train" else "train"
        more = [Option(f"mode={other}", "a new capture"), Option("attention=eager", "a new capture")]
        options = [*before, *without, *more, Option("another model", "a new capture")]
        picked = await self.pick("Compare with", options, text="", free=True)
        if not picked:
            return
        if picked.startswith("step "):
            self.compare(self.steps[int(picked.removeprefix("step "))], step)
            return
        try:
            changed = await self._other(picked, choice)
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        if changed is not None:
            self.do(self._compare_with(step, changed))

    async def _other(self, picked: str, choice: Choice) -> Choice | None:
        if picked == "another model":
            model = await self.model_at_hand("Compare with which model?")
            return replace(choice, model=model) if model else None
        if picked.startswith("without "):
            return replace(
                choice, inputs=tuple(name for name in choice.inputs if name != picked.removeprefix("without "))
            )
        return replace(choice, **(setting_of(picked) if "=" in picked else {"inputs": inputs_of(picked)}))

    async def _compare_with(self, step: Step, choice: Choice) -> None:
        other = await self.capture(choice)
        if other is not None and not other.graph.problem:
            self.compare(step, other)
        elif other is not None:
            self.say(other.graph.problem, wrong=True)

    def compare(self, left: Step, right: Step) -> None:
        """Opens the page that shows what differs."""
        from tui_app.screens.graph_diff import GraphDiffScreen

        self.app.push_screen(GraphDiffScreen(left.graph, right.graph))

    def action_app_export(self) -> None:
        if self.step is None:
            self.notify("There is nothing to export here yet.")
            return
        from tui_app.screens.graph_export import GraphExportScreen

        self.app.push_screen(GraphExportScreen(self.step.graph, self.outline.module))

    def copies(self) -> str | None:
        return self.command
