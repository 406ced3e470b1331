"""Runs in trackers: what is told of a run, and what the trackers' own readers find afterwards."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from engine.extras import missing
from engine.runtime.records import PointRecord, RunRecord
from engine.tracking.registry import TRACKERS
from engine.tracking.told import told

RUN = RunRecord(
    id="q-0001",
    name="a sweep",
    experiment="quantize",
    state="finished",
    config={"model": "builtin", "widths": [4, 8], "window": None},
    path=Path("runs/q-0001"),
    created=1_700_000_000.0,
    versions={"torch": "2.13.0"},
    points=(
        PointRecord(
            0,
            {"mode": "qat", "format": "fixed(4)"},
            "finished",
            attempt=1,
            result={"accuracy": 0.875, "loss": float("nan"), "layers": [1], "model": "points/0"},
            metrics={"loss": ((1.0, 0.7), (2.0, 0.5), (3.0, float("nan")))},
        ),
        PointRecord(1, {"mode": "qat", "format": "fixed(8)"}, "failed", attempt=1, error={"type": "E", "message": "m"}),
        PointRecord(2, {"mode": "qat", "format": "fixed(9)"}),
    ),
)


def needs(name: str) -> Any:
    return pytest.mark.skipif(bool(missing(TRACKERS[name].packages)), reason=f"{name} is not installed")


def test_points_that_have_begun_are_told_with_numbers_that_are_some() -> None:
    run = told(RUN)
    assert run.facts == {
        "model": "builtin",
        "widths": "4,8",
        "window": "",
        "version.torch": "2.13.0",
        "where": "",
        "seed": 0,
    }
    assert [(point.index, point.name, point.state) for point in run.points] == [
        (0, "qat fixed(4)", "finished"),
        (1, "qat fixed(8)", "failed"),
    ]
    assert run.points[0].results == {"accuracy": 0.875}
    assert run.points[0].curves == {"loss": ((1.0, 0.7), (2.0, 0.5))}


def test_a_missing_tracker_is_named_with_the_line_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.extras.find_spec", lambda _: None)
    with pytest.raises(
        InputError, match=r"MLflow needs mlflow, not installed here; run: pip install 'labtui\[mlflow\]'"
    ):
        TRACKERS["mlflow"].check_installed()


@needs("tensorboard")
def test_tensorboard_finds_curves_and_results(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tracker = TRACKERS["tensorboard"]
    place = Path(tracker.publish(told(RUN), str(tmp_path / "board")))
    assert sorted(folder.name for folder in place.iterdir()) == ["0000 qat fixed(4)", "0001 qat fixed(8)"]
    found = EventAccumulator(str(place / "0000 qat fixed(4)")).Reload()
    assert [(one.step, round(one.value, 4)) for one in found.Scalars("loss")] == [(1, 0.7), (2, 0.5)]
    assert [one.value for one in found.Scalars("result/accuracy")] == [0.875]
    with pytest.raises(InputError, match="is there already; remove it, or name another folder"):
        tracker.publish(told(RUN), str(tmp_path / "board"))
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        tracker.publish(told(RUN), str(tmp_path / "file"))


@needs("mlflow")
def test_mlflow_finds_a_run_and_one_below_it_for_each_point(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    tracker, uri = TRACKERS["mlflow"], f"sqlite:///{tmp_path}/flow.db"
    tracker.publish(told(RUN), uri)
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("labtui/quantize")
    assert experiment is not None
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {"a sweep", "qat fixed(4)", "qat fixed(8)"}
    point = runs["qat fixed(4)"]
    assert point.data.metrics["result.accuracy"] == 0.875
    assert [(one.step, one.value) for one in client.get_metric_history(point.info.run_id, "loss")] == [
        (1, 0.7),
        (2, 0.5),
    ]
    assert runs["a sweep"].data.params["widths"] == "4,8"
    assert runs["qat fixed(8)"].info.status == "FAILED"
    with pytest.raises(InputError, match="is there already"):
        tracker.publish(told(RUN), uri)
    tracker.publish(replace(told(RUN), id="q-0002"), uri)


@needs("trackio")
def test_trackio_refuses_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    import trackio

    TRACKERS["trackio"].publish(told(RUN), "ours")
    assert sorted(one.name for one in trackio.Api().runs("ours")) == ["q-0001 0 qat fixed(4)", "q-0001 1 qat fixed(8)"]
    with pytest.raises(InputError, match="q-0001 is in ours already"):
        TRACKERS["trackio"].publish(told(RUN), "ours")
