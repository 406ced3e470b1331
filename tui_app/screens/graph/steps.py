"""The graphs that the Graph page can go back over, each made from the one before."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from engine.graph.record import Graph
from tui_app.screens.graph.choice import Choice


@dataclass(frozen=True, slots=True)
class Step:
    """A graph that was shown: the worker's number for its program, and what was found when it was made."""

    program: int
    graph: Graph
    choice: Choice
    found: str = ""
    erased: frozenset[str] = field(default_factory=frozenset)


class Steps:
    """The last one is in view; `changed` is called when that is another one."""

    def __init__(self, changed: Callable[[], object]) -> None:
        self._all: list[Step] = []
        self._changed = changed

    def __len__(self) -> int:
        return len(self._all)

    @property
    def now(self) -> Step | None:
        """The one in view."""
        return self._all[-1] if self._all else None

    @property
    def graph(self) -> Graph | None:
        """The graph in view, if it could be captured."""
        return None if self.now is None or self.now.graph.problem else self.now.graph

    @property
    def before(self) -> list[Step]:
        """Those that led to the one in view, the oldest first."""
        return self._all[:-1]

    def begin(self, step: Step) -> None:
        """One that stands in place of all others."""
        self._all = [step]
        self._changed()

    def push(self, step: Step) -> None:
        """One that was made from the one in view."""
        self._all.append(step)
        self._changed()

    def pop(self) -> Step:
        """Takes the last one away."""
        gone = self._all.pop()
        self._changed()
        return gone

    def mark(self, erased: frozenset[str]) -> None:
        """Marks the nodes that used an erased one."""
        self._all[-1] = replace(self._all[-1], erased=erased)
        self._changed()

    def weigh(self, step: Step, weighed: Step) -> None:
        """The same with the ranges of its weights, unless it is no longer the only one."""
        if self._all == [step]:
            self.begin(weighed)
