"""Recorded runs of `profile`."""

from pathlib import Path
from typing import Any

from engine.runtime.records import PointRecord, RunRecord
from tests.tui.recorded import NOW


def compiled() -> RunRecord:
    """A small batch for which compiling pays, and a large one for which it does not; a graph break in both."""
    points = []
    for index, (batch, eager, fast) in enumerate(((1, 0.0012, 0.0005), (64, 0.021, 0.024))):
        params = {"what": "bert-tiny", "subject": "bert-tiny", "dtype": "float32", "batch": batch}
        saved = eager - fast
        result = {
            "start_up": 3.1,
            "first_call": 6.3704,
            **_spread("time", fast),
            **_spread("against", eager),
            "speedup": eager / fast,
            "pays_after": 9100 if saved > 0 else None,
            "difference": 2.4e-7,
            "largest": 1.8,
            "graphs": 2,
            "breaks": ["a branch on a tensor's value (modeling.py, line 212)"],
            "disturbed": False,
        }
        at = NOW - 300 + 60 * index
        points.append(PointRecord(index, params, "finished", 1, "cpu", at, at + 60, result))
    return RunRecord(
        id="p-0011",
        name="compile bert-tiny",
        experiment="profile",
        state="finished",
        config={"study": "compile", "model": "bert-tiny", "batch_sizes": [1, 64]},
        path=Path("runs") / "p-0011",
        created=NOW - 300,
        started=NOW - 300,
        ended=NOW - 180,
        devices=("cpu",),
        points=tuple(points),
    )


def _spread(key: str, median: float) -> dict[str, Any]:
    return {key: median, f"{key}_low": 0.95 * median, f"{key}_high": 1.1 * median}
