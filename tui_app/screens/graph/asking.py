"""What the Graph page asks the warm worker, and the line that says so."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any

from textual.content import Content
from textual.timer import Timer

from engine.errors import InputError
from engine.graph.record import from_dict
from tui_app import glyphs
from tui_app.screens.base import Page
from tui_app.screens.graph.choice import Choice
from tui_app.screens.graph.steps import Step
from tui_app.text import clean
from tui_app.widgets.line import Line

TICK = 0.5
GROUP = "graph"  # of workers that ask


class Asking:
    """One question at a time; while it is away `line` says which, and for how long."""

    def __init__(self, page: Page, line: Line) -> None:
        self.doing = ""
        self._page, self._line = page, line
        self._since = 0.0
        self._ticking: Timer | None = None

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts something that asks the worker; not while something else is asked."""
        if self.doing:
            work.close()
            self._page.notify("Still at work; this can be asked for afterwards.", timeout=2)
        else:
            self._page.run_worker(work, group=GROUP)

    def stop(self) -> None:
        """Lets go of what is being asked."""
        self._page.workers.cancel_group(self._page, GROUP)
        self.doing = ""

    # Questions

    async def capture(self, choice: Choice) -> Step | None:
        """A new step, not yet shown; None where there was no answer, which is then said."""
        from engine.experiments.results import pinned

        try:
            choice = replace(choice, model=await asyncio.to_thread(pinned, choice.model))
        except InputError as error:
            self.say(str(error), wrong=True)
            return None
        doing = f"torch.export captures {choice.name}, on shapes alone"
        answer = await self._ask(doing, "graph_capture", **choice.values)
        return None if answer is None else await _made(answer, choice)

    async def weighed(self, step: Step) -> Step | None:
        """The step with the ranges of its weights; None too where these are still to be made."""
        answer = await self._ask("Reading the weights for their ranges", "graph_weigh", program=step.program)
        if answer == {}:
            self.say(f"{step.choice.model} is trained by its first run; until then its weights have no ranges.")
        return replace(await _made(answer, step.choice), found=step.found) if answer else None

    async def transformed(self, step: Step, text: str) -> Step | None:
        """The step after a pass."""
        doing = f"{text}, then compared with the model on random inputs"
        answer = await self._ask(doing, "graph_transform", program=step.program, text=text)
        return None if answer is None else await _made(answer, step.choice)

    async def erased(self, step: Step, node: str) -> tuple[Mapping[str, Any], Step | None] | None:
        """What was reported, and the step without the node where there is one."""
        answer = await self._ask(f"Erasing {node} as it stands", "graph_erase", program=step.program, node=node)
        if answer is None:
            return None
        return answer["report"], await _made(answer, step.choice) if "graph" in answer else None

    async def _ask(self, doing: str, what: str, **values: Any) -> Mapping[str, Any] | None:
        self._begin(doing)
        try:
            answer = await self._page.lab.interactive.ask(what, **values)
        except InputError as error:
            self.say(str(error), wrong=True)
            return None
        finally:
            self._end()
        self.say("")
        return answer if isinstance(answer, Mapping) else {}

    # The line that says what is going on

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Says something until something else is said."""
        sign = f"{glyphs.state('failed')} " if wrong else ""
        self._line.show(Content.styled(clean(sign + text), "$error" if wrong else "$muted"))

    def _begin(self, doing: str) -> None:
        self.doing, self._since = doing, self._page.lab.clock()
        self._tick()
        self._ticking = self._page.set_interval(TICK, self._tick)

    def _tick(self) -> None:
        seconds = max(0, int(self._page.lab.clock() - self._since))
        self.say(f"{glyphs.state('running')} {seconds} s  {self.doing}")

    def _end(self) -> None:
        self.doing = ""
        if self._ticking is not None:
            self._ticking.stop()


async def _made(answer: Mapping[str, Any], choice: Choice) -> Step:
    graph = await asyncio.to_thread(from_dict, answer["graph"])
    return Step(answer["program"], graph, choice, answer.get("found", ""))
