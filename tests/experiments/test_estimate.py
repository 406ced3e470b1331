"""What points should take, by like points in past runs."""

from dataclasses import replace

from engine.experiments import registry
from engine.experiments.estimate import Estimate, ends, estimate
from engine.runtime.records import Phase, Progress, RunRecord
from tests.tui.recorded import NOW, run_record

QUANTIZE = registry.get("quantize")
POINTS = [{"mode": "ptq"}, {"mode": "ptq"}, {"mode": "qat"}]


def taking(run: RunRecord, seconds: float, memory: float | None = None) -> RunRecord:
    """The same run with points that took so long, and so much where that was measured."""
    points = [replace(point, ended=(point.started or 0) + seconds) for point in run.points]
    if memory is not None:
        points = [replace(point, result={**(point.result or {}), "peak_memory": memory}) for point in points]
    return replace(run, points=tuple(points))


def test_the_median_of_like_points_counts() -> None:
    past = run_record("q-0001", modes=("ptq", "qat"))
    config = dict(past.config)
    assert estimate(QUANTIZE, config, POINTS, [past]) == Estimate(60, None)
    slow = taking(past, 50, 3e9)
    assert estimate(QUANTIZE, config, POINTS, [past, slow, slow]) == Estimate(150, 3e9)


def test_nothing_is_told_where_no_point_is_alike() -> None:
    past = taking(run_record("q-0001", modes=("ptq", "qat")), 50, 3e9)
    config = dict(past.config)
    assert estimate(QUANTIZE, config, [*POINTS, {"mode": "other"}], [past]) == Estimate(None, None)
    assert estimate(QUANTIZE, config | {"model": "elsewhere"}, POINTS, [past]) == Estimate(None, None)
    assert estimate(QUANTIZE, config, POINTS, []) == Estimate(None, None)


def test_memory_is_that_of_the_largest_point() -> None:
    past = run_record("q-0001", modes=("ptq", "qat"))
    larger = replace(
        past,
        points=tuple(
            replace(one, result={**(one.result or {}), "peak_memory": 2e9 if one.params["mode"] == "qat" else 1e9})
            for one in past.points
        ),
    )
    assert estimate(QUANTIZE, dict(past.config), POINTS, [larger]).memory == 2e9
    assert estimate(QUANTIZE, dict(past.config), POINTS[:2], [larger]).memory == 1e9


def test_the_first_point_of_a_run_says_nothing_about_the_others() -> None:
    run = run_record("q-0001", state="running", widths=(2, 3, 4, 5), done=3, age=65)
    first, *others = run.points
    slow = replace(first, started=(first.started or 0) - 600)
    assert ends(QUANTIZE, run) == NOW + 15  # the fourth began 5 s ago and takes 20 as the second and third
    assert ends(QUANTIZE, replace(run, points=(slow, *others))) == NOW + 15


def test_points_of_another_kind_are_waited_for() -> None:
    run = run_record("q-0001", state="running", widths=(2, 3), modes=("ptq", "qat"), done=2, age=45)
    assert ends(QUANTIZE, run) is None
    began = NOW - 30
    progress = Progress(0, 0).followed(0, 100, "training", began, Phase.TRAINING)
    progress = progress.followed(20, 100, "training, 210 texts/s", NOW, Phase.TRAINING)
    points = [replace(one, progress=progress if one.progress else None) for one in run.points]
    assert ends(QUANTIZE, replace(run, points=tuple(points))) == NOW + 150 * 0.8 + 150


def test_a_phase_is_timed_from_where_it_began() -> None:
    progress = Progress(0, 0).followed(70, 100, "training", 10.0, Phase.TRAINING)  # gone on from a checkpoint
    assert progress.phase_seconds is None
    progress = progress.followed(80, 100, "training, 5 texts/s", 20.0, Phase.TRAINING)
    assert progress.phase_seconds == 100.0
    progress = progress.followed(1, 4, "evaluating", 25.0)
    assert (progress.since, progress.trained, progress.phase) == (25.0, 0.8, Phase.WORKING)
