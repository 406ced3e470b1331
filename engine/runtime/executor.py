"""The contract between the driver and what runs its tasks, wherever that is: tasks in, endings out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.runtime.attempts import AttemptFile, task_name
from engine.runtime.records import Params


@dataclass(frozen=True, slots=True)
class Task:
    """Points that one child computes together, and which attempt this is."""

    points: tuple[int, ...]
    attempt: int

    def file(self, directory: Path) -> AttemptFile:
        """Where it is logged."""
        return AttemptFile.of(directory, task_name(self.points), self.attempt)


@dataclass(frozen=True, slots=True)
class Ending:
    """`status` is the child's exit status, negative for a signal, None where its host or its node died with it."""

    task: Task
    status: int | None


class WorkerError(RuntimeError):
    """Workers end before they can work, or again and again. The message says what they said last."""


class Executor(Protocol):
    """What the driver knows of it. When `wait` returns an ending, all that the task will ever report is in its log."""

    @property
    def hosts(self) -> tuple[tuple[int, int], ...]:
        """Pid and start time of each process of this machine that computes and may outlive the driver for a moment."""

    @property
    def working(self) -> bool:
        """Whether tasks can run, or do: the run has left the queue."""

    @property
    def waits_for(self) -> str:
        """What keeps every task from running; empty if one can."""

    def claim(self, wanted: int) -> None:
        """Takes places for up to `wanted` tasks as they come free; gives back what is idle beyond that."""

    def idle(self) -> list[str]:
        """Places that are ready for another task, each as often as it has room."""

    def submit(self, device: str, task: Task, params: Sequence[Params]) -> None:
        """Starts a task in an idle place; `params` are those of its points."""

    def wait(self, seconds: float) -> list[Ending]:
        """The tasks that have ended, as soon as there are any. Raises WorkerError if workers are of no use."""

    def kill(self) -> None:
        """Ends every task now; `close` waits until they are dead."""

    def close(self) -> None:
        """Nothing runs and no place is held when this returns."""
