"""What the runtime adds to each trial of a search, beside Optuna's own loop with its SQLite storage.

    python -m benchmarks.search [--trials 1000] [--sampler tpe] [--at 10,100,500,1000]

The objective is a sum: what is measured is asking, recording, dispatching a process, taking in its result and telling,
from the end of one trial to the end of the next. Optuna's loop runs its objective in its own process.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from engine.experiments.api import Column, Experiment, ExperimentConfig
from engine.runtime import control
from engine.runtime.context import Context, Point
from engine.runtime.lock import lock_held
from engine.runtime.records import Params
from engine.runtime.runs import create_run, read_run
from engine.search.samplers import Sampler
from engine.search.series import Goal, Series
from engine.search.space_text import parse_space
from engine.search.studies import Studies, placeholders

SPACE = parse_space("x=-4.0..4.0; y=1e-5..1e-1 log; z=1..16; kind=a,b,c")


class BenchConfig(ExperimentConfig):
    """A sampler and a number of trials."""

    sampler: Sampler = "tpe"
    trials: int = 1000


def objective(params: Mapping[str, Any]) -> float:
    """Costs nothing."""
    return float(-((params["x"] - 1) ** 2) + params["y"] + params["z"] / 16)


class Bench(Experiment):
    """A search whose trials cost nothing."""

    name = "benchmarks.search"
    title = "Search benchmark"
    summary = "What a trial costs beyond its work."
    Config = BenchConfig
    columns = (Column("value", "Value", "number"),)

    def label(self, config: BenchConfig) -> str:
        """The sampler."""
        return config.sampler

    def series(self, config: BenchConfig) -> list[Series]:
        """One."""
        return [Series({"sampler": config.sampler}, config.sampler, SPACE, config.seed, (Goal("value"),))]

    def points(self, config: BenchConfig) -> Sequence[Params]:
        """What stands for the trials."""
        return placeholders(self.series(config), config.trials)

    def study(self, config: BenchConfig) -> Studies:
        """As an experiment does it."""
        return Studies(lambda: self.series(config), lambda _: None)

    def check(self, config: BenchConfig) -> None:
        """Nothing can be wrong."""

    def run(self, config: BenchConfig, points: Sequence[Point], context: Context) -> None:
        """Adds up."""
        for point in points:
            context.finish(point.index, {"value": objective(point.params)})


EXPERIMENT = Bench()


def ours(sampler: Sampler, trials: int) -> list[float]:
    """Seconds from the end of each trial to the end of the next."""
    config = BenchConfig(sampler=sampler, trials=trials)
    points = [dict(params) for params in EXPERIMENT.points(config)]
    path = create_run(experiment=EXPERIMENT.name, config=config.model_dump(), points=points, versions={})
    control.start(path)
    while lock_held(path):
        time.sleep(0.2)
    run = read_run(path)
    if run.state != "finished":
        raise SystemExit(f"the run is {run.state}: {run.problem}; see {path}/logs/driver.log")
    ends = sorted(point.ended or 0.0 for point in run.points)
    control.remove(path)
    return [later - earlier for earlier, later in pairwise(ends)]


def theirs(sampler: Sampler, trials: int) -> list[float]:
    """The same of `study.optimize` with SQLite storage."""
    import optuna

    from engine.search.samplers import make_sampler
    from engine.search.series import suggested

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    ends: list[float] = []

    def told(trial: optuna.Trial) -> float:
        return objective(SPACE.choose(lambda dimension: suggested(trial, dimension)))

    with tempfile.TemporaryDirectory() as folder:
        study = optuna.create_study(
            storage=f"sqlite:///{Path(folder) / 'study.db'}", sampler=make_sampler(sampler, 0), direction="maximize"
        )
        study.optimize(told, n_trials=trials, callbacks=[lambda *_: ends.append(time.perf_counter())])
    return [later - earlier for earlier, later in pairwise(ends)]


def main() -> None:
    """Prints a row for each place in the study: median milliseconds of the fifty trials before it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--at", default="50,200,500,1000")
    options = parser.parse_args()
    measured = {
        "labtui": ours(options.sampler, options.trials),
        "optuna+sqlite": theirs(options.sampler, options.trials),
    }
    print(f"{options.sampler}, {options.trials} trials, median ms of the 50 before (90th percentile)")
    print(f"{'trials':>8}" + "".join(f"{name:>22}" for name in measured))
    for at in (int(word) for word in options.at.split(",") if int(word) <= options.trials):
        cells = []
        for seconds in measured.values():
            window = [1000 * one for one in seconds[max(0, at - 50) : at]]
            cells.append(f"{statistics.median(window):.1f} ({statistics.quantiles(window, n=10)[-1]:.1f})")
        print(f"{at:>8}" + "".join(f"{cell:>22}" for cell in cells))


if __name__ == "__main__":
    main()
