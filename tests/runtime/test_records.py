"""What a run says of itself."""

from pathlib import Path

import pytest

from engine.runtime.records import PointRecord, PointState, RunRecord


def run(devices: tuple[str, ...], *points: tuple[PointState, str | None]) -> RunRecord:
    made = tuple(PointRecord(n, {}, state, device=device) for n, (state, device) in enumerate(points))
    return RunRecord("q-0001", "q", "quantize", "running", {}, Path(), 0.0, devices=devices, points=made)


@pytest.mark.parametrize(
    ("devices", "points", "placed"),
    [
        (("cpu",), [("running", "cpu")], "cpu"),
        (("GPU-a", "GPU-b"), [("running", "GPU-a")], "GPU-a, GPU-b"),
        (("ray",), [("queued", None)], "ray"),
        (("ray",), [("finished", "a cpu"), ("running", "b GPU 0")], "ray: b GPU 0, a cpu"),
        (("ray",), [("running", f"{name} cpu") for name in "abc"], "ray: a cpu, b cpu, c cpu"),
        (("ray",), [("running", f"{name} cpu") for name in "abcde"], "ray: a cpu, b cpu and 3 others"),
        (("ray",), [("running", "a cpu"), ("finished", "a cpu")], "ray: a cpu"),
    ],
)
def test_where_points_are(devices: tuple[str, ...], points: list[tuple[PointState, str | None]], placed: str) -> None:
    assert run(devices, *points).placed == placed
