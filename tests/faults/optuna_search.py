"""A search with Optuna's samplers over a sum: a series for each of them, all in one run."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from engine.experiments.api import Column, Experiment, ExperimentConfig
from engine.runtime.context import Context, Point
from engine.runtime.records import Params
from engine.search.samplers import Sampler
from engine.search.series import Goal, Series
from engine.search.space_text import parse_space
from engine.search.studies import Studies, placeholders

SPACE = parse_space("x=-4.0..4.0; y=1e-4..1.0 log; z=1..9")
SAMPLERS: tuple[Sampler, ...] = ("random", "tpe", "gp", "cmaes")


class OptunaConfig(ExperimentConfig):
    """`trials` of each sampler; a trial takes `pause` seconds."""

    samplers: tuple[Sampler, ...] = SAMPLERS
    trials: int = 12
    pause: float = 0.0


def value(params: Mapping[str, Any]) -> float:
    return float(-((params["x"] - 1) ** 2) - params["y"] + params["z"] / 9)


class OptunaSearch(Experiment):
    name = "tests.faults.optuna_search"
    title = "Search with Optuna"
    summary = "Searches a sum."
    Config = OptunaConfig
    columns = (Column("value", "Value", "number"),)

    def label(self, config: OptunaConfig) -> str:
        return "optuna"

    def series(self, config: OptunaConfig) -> list[Series]:
        goals = (Goal("value"),)
        return [Series({"sampler": sampler}, sampler, SPACE, config.seed, goals) for sampler in config.samplers]

    def points(self, config: OptunaConfig) -> Sequence[Params]:
        return placeholders(self.series(config), config.trials)

    def study(self, config: OptunaConfig) -> Studies:
        return Studies(lambda: self.series(config), lambda _: None)

    def check(self, config: OptunaConfig) -> None:
        pass

    def run(self, config: OptunaConfig, points: Sequence[Point], context: Context) -> None:
        for point in points:
            time.sleep(config.pause)
            context.finish(point.index, {"value": value(point.params)})


EXPERIMENT = OptunaSearch()
