"""An experiment that says something beside its points."""

from collections.abc import Sequence
from typing import Any

from engine.experiments.api import Column, Experiment, ExperimentConfig, Listing
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, RunRecord


class Detailed(Experiment):
    name = "tests.tui.detailed"
    title = "Detailed"
    summary = "Finds something, and lists it."
    Config = ExperimentConfig
    columns = (Column("name", "Name"), Column("accuracy", "Accuracy", "percent"))

    def label(self, config: Any) -> str:
        return "detailed"

    def points(self, config: Any) -> Sequence[Params]:
        return [{"name": "a"}, {"name": "b"}]

    def check(self, config: Any) -> None:
        pass

    def run(self, config: Any, points: Sequence[Point], context: Context) -> None:
        pass

    def findings(self, config: Any, run: RunRecord) -> Sequence[str]:
        return [f"{len(run.finished)} points [red]ended[/]."]

    def listings(self, config: Any, run: RunRecord) -> Sequence[Listing]:
        layers = tuple({"layer": f"layer.{i}", "zeros": i / 10, "bytes": 4**i} for i in range(6))
        columns = (Column("layer", "Layer"), Column("zeros", "Zeros", "percent"), Column("bytes", "Size", "bytes"))
        return [
            Listing("layers", "Layers", columns, layers, "Of the last point."),
            Listing("kinds", "Kinds", (Column("kind", "Kind"),), ({"kind": "Linear"}, {"kind": None})),
        ]


EXPERIMENT = Detailed()
