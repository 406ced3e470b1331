"""A pruner judges a trial by the trials before it, the same however often the trial is tried."""

from pathlib import Path
from typing import Any

import pytest

from engine.runtime.attempts import AttemptFile, AttemptLog
from engine.runtime.runs import create_run
from engine.search.samplers import Pruner
from engine.search.series import Goal, Series
from engine.search.space_text import parse_space
from engine.search.studies import Watch

REPORTS = 4


def series(pruner: Pruner) -> Series:
    space = parse_space("x=0.0..1.0")
    return Series({"sampler": "random"}, "random", space, 0, (Goal("accuracy"),), pruner=pruner, reports=REPORTS)


def recorded(curves: list[list[float]], pruner: Pruner = "median", rungs: dict[int, Any] | None = None) -> Path:
    """A run whose trials ended with these curves, and one more that has been asked for."""
    points = [{"sampler": "random", "trial": number} for number in range(len(curves) + 1)]
    path = create_run(experiment="search", config={}, points=points, versions={})
    asked = AttemptLog.create(path / "trials.jsonl")
    for number, point in enumerate(points):
        asked.emit("trial", number, {"params": {**point, "x": 0.5}})
    for number, curve in enumerate(curves):
        log = AttemptLog.create(AttemptFile.of(path, f"{number:04d}", 1).path)
        log.emit("start", None, {"points": [number], "device": "cpu"})
        reports = [[step, value] for step, value in enumerate(curve, start=1)]
        log.emit(
            "finished", number, {"accuracy": curve[-1], "reports": reports, "rungs": (rungs or {}).get(number, {})}
        )
    return path


def judged(path: Path, index: int, curve: list[float], pruner: Pruner = "median") -> tuple[int | None, dict[str, Any]]:
    """After which report the trial is given up (None: never), and what its result would keep."""
    watch = Watch(series(pruner), path, index)
    for step, value in enumerate(curve, start=1):
        if watch.hopeless(step, value):
            return step, watch.record
    return None, watch.record


GOOD = [[0.5, 0.6, 0.7, 0.8], [0.5, 0.7, 0.8, 0.9], [0.4, 0.6, 0.7, 0.8], [0.6, 0.7, 0.8, 0.9]]


def test_the_median_gives_up_what_lags() -> None:
    path = recorded(GOOD)
    assert judged(path, 4, [0.6, 0.8, 0.9, 0.9])[0] is None
    assert judged(path, 4, [0.1, 0.2, 0.2, 0.2])[0] == 1
    # Optuna's median pruner holds the best value so far against the median at the same step.
    kept = {"reports": [[1, 0.95], [2, 0.1], [3, 0.1], [4, 0.1]], "rungs": {}}
    assert judged(path, 4, [0.95, 0.1, 0.1, 0.1]) == (None, kept)
    assert judged(path, 4, [0.6, 0.1, 0.1, 0.1])[0] == 2


def test_there_must_be_something_to_compare_with() -> None:
    assert judged(recorded(GOOD[:3]), 3, [0.0, 0.0, 0.0, 0.0])[0] is None
    assert judged(recorded(GOOD), 4, [0.0, 0.0, 0.0, 0.0], "none")[0] is None


def test_later_trials_do_not_count() -> None:
    path = recorded(GOOD)
    assert judged(path, 2, [0.0, 0.0, 0.0, 0.0])[0] is None, "two trials before it: too few for a median"


def test_hyperband_remembers_its_rungs() -> None:
    """Every trial keeps how it stood at the rungs; later a poor one is given up by them, a good one is not."""
    kept: dict[int, Any] = {}
    for number in range(12):
        path = recorded([GOOD[one % 4] for one in range(number)], "hyperband", kept)
        kept[number] = judged(path, number, GOOD[number % 4], "hyperband")[1]["rungs"]
    assert any(kept.values())
    curves = [GOOD[one % 4] for one in range(12)]
    remembered, forgotten = recorded(curves, "hyperband", kept), recorded(curves, "hyperband")
    assert judged(remembered, 12, [0.01] * REPORTS, "hyperband")[0] is not None
    assert judged(remembered, 12, [0.99] * REPORTS, "hyperband")[0] is None
    assert judged(forgotten, 12, [0.01] * REPORTS, "hyperband")[0] is None, (
        "without rungs nothing is known of the others"
    )


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_the_same_is_said_again(pruner: Pruner) -> None:
    path = recorded(GOOD)
    assert judged(path, 4, [0.3, 0.2, 0.1, 0.1], pruner) == judged(path, 4, [0.3, 0.2, 0.1, 0.1], pruner)
