"""A search run in this process, point after point, with its real logs: what driver and child do, without them."""

from pathlib import Path
from typing import Any

from engine.experiments.api import Experiment, ExperimentConfig
from engine.runtime.attempts import AttemptFile, AttemptLog, trials_file
from engine.runtime.context import Context, Point
from engine.runtime.records import RunRecord
from engine.runtime.runs import create_run, read_run


def played(experiment: Experiment, config: ExperimentConfig, points: int | None = None) -> RunRecord:
    """The run when its first `points` points (all if not told) have ended. An exception of a point ends the test."""
    planned = [dict(params) for params in experiment.points(config)]
    settings = config.model_dump(mode="json")
    path = create_run(experiment=experiment.name, config=settings, points=planned, versions={}, seed=config.seed)
    study = experiment.study(config)
    assert study is not None
    asked = AttemptLog.create(trials_file(path).path)
    for index in range(len(planned) if points is None else points):
        params = study.ask(index, read_run(path))
        assert params is not None
        asked.emit("trial", index, {"params": dict(params)})
        computed(experiment, config, path, Point(index, params))
    return read_run(path, metrics=True)


def computed(
    experiment: Experiment, config: Any, path: Path, point: Point, attempt: int = 1, context: type[Context] = Context
) -> None:
    """Computes a point as one attempt."""
    log = AttemptLog.create(AttemptFile.of(path, f"{point.index:04d}", attempt).path)
    log.emit("start", None, {"points": [point.index], "device": "cpu"})
    experiment.run(config, [point], context(log.emit, device="cpu", directory=path, seed=config.seed))
    experiment.tidy(config, read_run(path))
