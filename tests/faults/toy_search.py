"""A pure Python search: points ask a toy study, and find a value that follows from their parameters alone."""

import hashlib
import time
from collections.abc import Sequence
from typing import Any

from engine.errors import InputError
from engine.experiments.api import Column, Experiment, ExperimentConfig
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, RunRecord


class SearchConfig(ExperimentConfig):
    """`series` studies of `trials` each, so many `beside` each other; one that `waits` never proposes anything."""

    trials: int = 8
    series: int = 1
    pause: float = 0.0
    beside: int = 1
    backend: str = "toy"
    waits: bool = False


def hashed(*parts: Any) -> int:
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:4], "big")


def value(x: int) -> float:
    return float((x * 48271) % 65537)


class ToyStudy:
    """A trial's `x` follows from all results before it: one that is lost, repeated or out of order is seen at once."""

    def __init__(self, seed: int, lag: int = 1):
        self.seed, self.lag = seed, lag

    def ask(self, index: int, run: RunRecord) -> Params | None:
        mine = run.points[index].params
        before = [p for p in run.points if p.params["series"] == mine["series"] and p.index < index]
        told = before[: max(0, len(before) + 1 - self.lag)]
        if self.lag < 0 or any(point.result is None for point in told):
            return None
        found = [(point.result or {})["value"] for point in told]
        return {**mine, "x": hashed(self.seed, mine["series"], mine["trial"], found) % 1000}

    def more(self, count: int, run: RunRecord) -> Sequence[Params]:
        series = sorted({point.params["series"] for point in run.points})
        so_far = len(run.points) // len(series)
        return [{"series": one, "trial": so_far + number} for number in range(count) for one in series]

    def place(self, wanted: Params, run: RunRecord) -> tuple[int, Params]:
        if "x" not in wanted:
            raise InputError("x is missing")
        free = [point for point in run.points if "x" not in point.params]
        if not free:
            return len(run.points), {"series": 0, "trial": len(run.points), **wanted}
        return free[0].index, {**free[0].params, **wanted}


class ToySearch(Experiment):
    name = "tests.faults.toy_search"
    title = "Toy search"
    summary = "Searches for nothing."
    Config = SearchConfig
    columns = (Column("x", "x", "number"), Column("value", "Value", "number"))

    def label(self, config: SearchConfig) -> str:
        return "toy search"

    def points(self, config: SearchConfig) -> Sequence[Params]:
        return [{"series": one, "trial": n} for n in range(config.trials) for one in range(config.series)]

    def study(self, config: SearchConfig) -> ToyStudy:
        return ToyStudy(config.seed, lag=-1 if config.waits else config.beside)

    def check(self, config: SearchConfig) -> None:
        pass

    def run(self, config: SearchConfig, points: Sequence[Point], context: Context) -> None:
        for point in points:
            for step in range(5):
                context.metric(point.index, "value", step, step)
                time.sleep(config.pause / 5)
            context.finish(point.index, {"value": value(point.params["x"])})


EXPERIMENT = ToySearch()
