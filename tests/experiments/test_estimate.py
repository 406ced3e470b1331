"""What points should take, by like points in past runs."""

from dataclasses import replace

from engine.experiments import registry
from engine.experiments.estimate import Estimate, estimate
from engine.runtime.records import RunRecord
from tests.tui.recorded import run_record

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
