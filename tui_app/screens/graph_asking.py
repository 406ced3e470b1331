"""What the Graph page asks the warm worker, and the steps that it can go back over."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from textual.content import Content
from textual.timer import Timer

from engine.errors import InputError
from engine.experiments.launch import command
from engine.graph.record import Graph, from_dict
from tui_app import glyphs
from tui_app.screens.views import Views
from tui_app.text import clean
from tui_app.widgets.line import Line

INPUTS = ("input_ids", "attention_mask", "labels")
TICK = 0.5
GROUP = "graph"  # of workers that ask


@dataclass(frozen=True, slots=True)
class Choice:
    """What to capture, and the sizes that costs are worked out for."""

    model: str = "builtin"
    inputs: tuple[str, ...] = INPUTS
    attention: str = "auto"
    mode: str = "train"
    batch: int = 1
    sequence: int = 128

    @property
    def name(self) -> str:
        """The call in a few words: `bert-tiny(input_ids, labels)`."""
        return f"{Path(self.model).name}({', '.join(self.inputs)})"

    @property
    def settings(self) -> dict[str, Any]:
        """As settings of the experiment `graph`, the usual ones left out."""
        usual = Choice()
        plain = {"model": self.model, "inputs": ",".join(self.inputs)}
        others = ("attention", "mode", "batch", "sequence")
        return plain | {name: getattr(self, name) for name in others if getattr(self, name) != getattr(usual, name)}

    @property
    def values(self) -> dict[str, Any]:
        """As the worker wants it."""
        return {
            "model": self.model,
            "inputs": list(self.inputs),
            "attention": self.attention,
            "mode": self.mode,
            "batch": self.batch,
            "sequence": self.sequence,
        }


@dataclass(frozen=True, slots=True)
class Step:
    """A graph that was shown: the worker's number for its program, and what was found when it was made."""

    program: int
    graph: Graph
    choice: Choice
    found: str = ""
    erased: frozenset[str] = field(default_factory=frozenset)


class GraphAsking(Views):
    """One question at a time; while it is away a line says which, and for how long."""

    def __init__(self) -> None:
        super().__init__()
        self.choice = Choice()
        self.steps: list[Step] = []
        self.asking = ""
        self._since = 0.0
        self._ticking: Timer | None = None

    @property
    def step(self) -> Step | None:
        """The one in view."""
        return self.steps[-1] if self.steps else None

    @property
    def command(self) -> str:
        """The command line that captures the same and applies the same passes."""
        passes = self.step.graph.passes if self.step is not None else ()
        plain = [text for text in passes if not text.startswith("erase(")]
        return command("graph", self.choice.settings | ({"passes": plain} if plain else {}))

    def show_step(self) -> None:
        """Draws the page for the step in view."""
        raise NotImplementedError

    # Questions

    async def ask(self, doing: str, what: str, **values: Any) -> Mapping[str, Any] | None:
        """The worker's answer; None where it had none, which is then said."""
        self._begin(doing)
        try:
            answer = await self.lab.interactive.ask(what, **values)
        except InputError as error:
            self.say(str(error), wrong=True)
            return None
        finally:
            self._end()
        self.say("")
        return answer if isinstance(answer, Mapping) else {}

    async def capture(self, choice: Choice) -> Step | None:
        """A new step, not yet shown."""
        from engine.experiments.results import pinned

        try:
            choice = replace(choice, model=await asyncio.to_thread(pinned, choice.model))
        except InputError as error:
            self.say(str(error), wrong=True)
            return None
        first = "; it is made on first use" if choice.model == "builtin" else ""
        doing = f"torch.export captures {choice.name}, on shapes alone{first}"
        answer = await self.ask(doing, "graph_capture", **choice.values)
        return None if answer is None else await self._made(answer, choice)

    async def weighed(self, step: Step) -> Step | None:
        """The step with the ranges of its weights."""
        answer = await self.ask("Reading the weights for their ranges", "graph_weigh", program=step.program)
        return None if answer is None else replace(await self._made(answer, step.choice), found=step.found)

    async def transformed(self, step: Step, text: str) -> Step | None:
        """The step after a pass."""
        doing = f"{text}, then compared with the model on random inputs"
        answer = await self.ask(doing, "graph_transform", program=step.program, text=text)
        return None if answer is None else await self._made(answer, step.choice)

    async def erased(self, step: Step, node: str) -> tuple[Mapping[str, Any], Step | None] | None:
        """What was reported, and the step without the node where there is one."""
        answer = await self.ask(f"Erasing {node} as it stands", "graph_erase", program=step.program, node=node)
        if answer is None:
            return None
        return answer["report"], await self._made(answer, step.choice) if "graph" in answer else None

    async def _made(self, answer: Mapping[str, Any], choice: Choice) -> Step:
        graph = await asyncio.to_thread(from_dict, answer["graph"])
        return Step(answer["program"], graph, choice, answer.get("found", ""))

    # The line that says what is going on

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Says something until something else is said."""
        sign = f"{glyphs.state('failed')} " if wrong else ""
        self.query_one("#said", Line).show(Content.styled(clean(sign + text), "$error" if wrong else "$muted"))

    def _begin(self, doing: str) -> None:
        self.asking, self._since = doing, self.lab.clock()
        self._tick()
        self._ticking = self.set_interval(TICK, self._tick)

    def _tick(self) -> None:
        seconds = max(0, int(self.lab.clock() - self._since))
        self.say(f"{glyphs.state('running')} {seconds} s  {self.asking}")

    def _end(self) -> None:
        self.asking = ""
        if self._ticking is not None:
            self._ticking.stop()
