"""An experiment that keeps every core busy as training does, and reports as training does: for ui_latency.py."""

import time
from collections.abc import Sequence

import numpy as np

from engine.experiments.api import Column, Experiment, ExperimentConfig
from engine.figures.figure import Figure, Series
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, Phase, RunRecord


class LiveConfig(ExperimentConfig):
    """`seconds` is how long each of `count` points works."""

    seconds: float = 60.0
    count: int = 2


class Live(Experiment):
    """Matrix products on all threads; a metric every 20 ms, progress as often."""

    name = "benchmarks.live"
    title = "Live"
    summary = "Keeps every core busy."
    Config = LiveConfig
    columns = (Column("loss", "Loss"),)

    def label(self, config: LiveConfig) -> str:
        """Its own name."""
        return "live"

    def points(self, config: LiveConfig) -> Sequence[Params]:
        """As many as asked for."""
        return [{"number": number} for number in range(config.count)]

    def check(self, config: LiveConfig) -> None:
        """Nothing can be wrong."""

    def run(self, config: LiveConfig, points: Sequence[Point], context: Context) -> None:
        """Multiplies and reports."""
        matrix = np.random.default_rng(context.seed).standard_normal((384, 384))
        for point in points:
            start = told = time.monotonic()
            while (now := time.monotonic()) - start < config.seconds:
                matrix = np.tanh(matrix @ matrix / 20)
                if now - told >= 0.02:
                    told, done = now, now - start
                    context.metric(point.index, "loss", 1 / (1 + done) + 0.02 * float(matrix[0, 0]), 50 * done)
                    context.progress(point.index, done, config.seconds, "training", Phase.TRAINING)
            context.finish(point.index, {"loss": 1 / (1 + config.seconds)})

    def figures(self, config: LiveConfig, run: RunRecord) -> Sequence[Figure]:
        """The loss of each point against its steps."""
        series = []
        for point in run.points:
            if losses := point.metrics.get("loss"):
                x, y = zip(*losses, strict=True)
                series.append(Series(f"point {point.index}", x, y, slot=point.index))
        return [Figure("loss", "Loss", "Step", "Loss", tuple(series), x_range=(0.0, 50 * config.seconds))]


EXPERIMENT = Live()
