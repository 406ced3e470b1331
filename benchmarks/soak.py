"""An experiment whose points do next to nothing, at a steady rate: what is left is the book-keeping, for growth.py."""

import math
import time
from collections.abc import Sequence

from engine.experiments.api import Choice, Column, Experiment, ExperimentConfig
from engine.figures.figure import Figure, Series
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, RunRecord


class SoakConfig(ExperimentConfig):
    """`count` points, each asleep for `seconds`."""

    count: int = 100
    seconds: float = 0.05


def result(number: int) -> dict[str, float]:
    """What a point records."""
    score = 0.5 + 0.4 * math.sin(number / 50)
    return {"score": score, "score_low": score - 0.01, "score_high": score + 0.01, "bytes": 1000 + number}


class Soak(Experiment):
    """Three metrics, then the result."""

    name = "benchmarks.soak"
    title = "Soak"
    summary = "Does nothing, often."
    Config = SoakConfig
    columns = (
        Column("number", "Number", "number"),
        Column("score", "Score", "percent", low="score_low", high="score_high"),
        Column("bytes", "Bytes", "bytes"),
    )

    def label(self, config: SoakConfig) -> str:
        """Its own name."""
        return "soak"

    def points(self, config: SoakConfig) -> Sequence[Params]:
        """As many as asked for."""
        return [{"number": number} for number in range(config.count)]

    def check(self, config: SoakConfig) -> None:
        """Nothing can be wrong."""

    def run(self, config: SoakConfig, points: Sequence[Point], context: Context) -> None:
        """Sleeps and reports."""
        for point in points:
            number = point.params["number"]
            for step in range(3):
                context.metric(point.index, "loss", 1 / (1 + step + number), step)
            time.sleep(config.seconds)
            context.finish(point.index, result(number))

    def figures(self, config: SoakConfig, run: RunRecord) -> Sequence[Figure]:
        """The score of each point."""
        found = run.finished
        x = tuple(float(point.params["number"]) for point in found)
        y = tuple(float((point.result or {})["score"]) for point in found)
        return [Figure("score", "Score", "Number", "Score", (Series("score", x, y),), x_range=(0.0, config.count))]

    def best(self, config: SoakConfig, run: RunRecord) -> Choice | None:
        """The highest score."""
        best = max(run.finished, key=lambda point: (point.result or {})["score"], default=None)
        return None if best is None else Choice(best.index, "the highest score")


EXPERIMENT = Soak()
