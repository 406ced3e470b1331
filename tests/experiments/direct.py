"""An experiment computed in the test's own process, as its tasks compute it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from engine.experiments.launch import configure
from engine.runtime.context import Point, RecordingContext


def computed_here(
    name: str, folder: Path, settings: Mapping[str, Any], at_once: int = 1
) -> tuple[RecordingContext, list[Mapping[str, Any]]]:
    """The results of the points that have one, computed `at_once` in a task."""
    folder.mkdir()
    experiment, config = configure(name, settings)
    context = RecordingContext(folder, threads=torch.get_num_threads())
    points = [Point(index, params) for index, params in enumerate(experiment.points(config))]
    for first in range(0, len(points), at_once):
        experiment.run(config, points[first : first + at_once], context)
    return context, [context.results[point.index] for point in points if point.index in context.results]
