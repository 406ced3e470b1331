"""A pure Python experiment whose points do what their parameters say: work, fail, die, hang."""

import ctypes
import os
import signal
import time
from collections.abc import Sequence

from engine.errors import InputError
from engine.experiments.api import Column, Experiment, ExperimentConfig
from engine.runtime.context import Context, Point
from engine.runtime.records import Params

HOSTILE = "\x1b]0;owned\x07\x1b[31m[red]bold[/red]\u202e\x00\r\n"


class ToyConfig(ExperimentConfig):
    """`actions`: what each point does."""

    actions: list[str]
    steps: int = 20
    pause: float = 0.0


def draw(seed: int, number: int, step: int) -> float:
    """A number that depends on nothing else."""
    return ((seed + 1) * 2654435761 + number * 40503 + step * 65537) % 1000003 / 1000003


def expected_total(seed: int, steps: int, number: int) -> float:
    """What `work` records, added up in the same order."""
    return sum((draw(seed, number, step) for step in range(steps)), draw(seed, 0, 0))


class Toy(Experiment):
    name = "tests.faults.toy"
    title = "Toy"
    summary = "Does what it is told."
    Config = ToyConfig
    columns = (Column("total", "Total", "number"),)

    def label(self, config: ToyConfig) -> str:
        return "toy"

    def points(self, config: ToyConfig) -> Sequence[Params]:
        return [{"number": number, "action": action} for number, action in enumerate(config.actions)]

    def check(self, config: ToyConfig) -> None:
        pass

    def run(self, config: ToyConfig, points: Sequence[Point], context: Context) -> None:
        for point in points:
            getattr(self, point.params["action"])(config, points, point, context)

    def work(self, config: ToyConfig, points: Sequence[Point], point: Point, context: Context) -> None:
        baseline = context.once("baseline", lambda: {"value": draw(context.seed, 0, 0), "pid": os.getpid()})
        total = baseline["value"]
        for step in range(config.steps):
            value = draw(context.seed, point.params["number"], step)
            total += value
            context.metric(point.index, "value", value, step)
            context.progress(point.index, step + 1, config.steps, "working")
            time.sleep(config.pause)
        context.finish(point.index, {"total": total})

    def fail(self, config: ToyConfig, points: Sequence[Point], point: Point, context: Context) -> None:
        raise ValueError("as told")

    def refuse(self, config: ToyConfig, points: Sequence[Point], point: Point, context: Context) -> None:
        raise InputError("There is no column 'txt'; did you mean text?")

    def hostile(self, config: ToyConfig, points: Sequence[Point], point: Point, context: Context) -> None:
        print(HOSTILE)
        raise ValueError(HOSTILE)

    def memory(self, config: ToyConfig, points: Sequence[Point], point: Point, context: Context) -> None:
        if len(points) > 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 400 bytes.")
        self.work(config, points, point, context)

    def killed(self, config: ToyConfig, points: Sequence[Point], point: Point, context: Context) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def killed_once(self, config: ToyConfig, points: Sequence[Point], point: Point, context: Context) -> None:
        mark = context.artifact("killed", str(point.index))
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGSEGV)
        self.work(config, points, point, context)

    def leave(self, config: ToyConfig, points: Sequence[Point], point: Point, context: Context) -> None:
        os._exit(3)

    def nothing(self, config: ToyConfig, points: Sequence[Point], point: Point, context: Context) -> None:
        return

    def stuck(self, config: ToyConfig, points: Sequence[Point], point: Point, context: Context) -> None:
        """Sleeps in C without giving the interpreter back."""
        context.metric(point.index, "value", 1.0, 0)
        ctypes.PyDLL(None).sleep(600)


EXPERIMENT = Toy()
