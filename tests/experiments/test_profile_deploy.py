"""The study `deploy`: which engines there are, what they compute, and why one is not faster."""

from pathlib import Path
from typing import Any

import pytest

from cuda_kernels import timing
from engine.errors import InputError
from engine.experiments import results
from engine.experiments.launch import configure
from engine.experiments.profile import EXPERIMENT
from engine.experiments.profile.deploy.config import DeployConfig
from engine.experiments.profile.deploy.measures import MACHINE
from engine.experiments.profile.deploy.run import STUDY
from engine.experiments.shared.finding import Finding
from engine.profiling import engines
from engine.runtime.context import Point, RecordingContext
from engine.runtime.records import RunRecord
from engine.tasks.metric import Bounded
from tests.experiments.test_profile_run import record

SLOW: dict[str, Any] = {"copy": 20e9, "float32": 100e9, "bfloat16": 50e9, "integers": False, "halves": False}
MEASURED: dict[str, Any] = {
    "tokens": 128,
    "load": 0.1,
    "first_call": 0.02,
    "time": 0.010,
    "time_low": 0.0095,
    "time_high": 0.0105,
    "against": 0.008,
    "against_low": 0.0079,
    "against_high": 0.0081,
    "speedup": 0.8,
    "disturbed": False,
    "samples_per_second": 100.0,
    "bytes": 5_000_000,
    "float_bytes": 17_000_000,
    "difference": 0.01,
    "operations": 700_000_000,
    "linear": 0.75,
    "peak_memory": 500_000_000,
}


def made(tmp_path: Path, *points: tuple[str, dict[str, Any]], **machine: Any) -> RunRecord:
    """A run of one batch size with these engines."""
    found = record(
        tmp_path,
        {"study": "deploy", "model": "builtin"},
        [
            ({"what": name, "engine": name, "subject": "builtin", "batch": 1, "sequence": None}, {**MEASURED, **more})
            for name, more in points
        ],
    )
    found.notes[MACHINE] = {**SLOW, **machine}  # type: ignore[index]
    return found


def test_points_are_engines_by_batch_and_length() -> None:
    _, config = configure("profile", {"study": "deploy", "engines": "eager,mxint8", "sequences": "16,32"})
    points = EXPERIMENT.points(config)  # type: ignore[arg-type]
    assert [(one["engine"], one["batch"], one["sequence"]) for one in points][:4] == [
        ("eager", 1, 16),
        ("mxint8", 1, 16),
        ("eager", 16, 16),
        ("mxint8", 16, 16),
    ]
    assert len(points) == 8


def test_an_engine_that_is_missing_is_named_with_the_line_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.extras.find_spec", lambda name: None if name == "torchao" else object())
    assert "torchao-int8-weights" not in engines.usable("cpu")
    _, config = configure("profile", {"study": "deploy", "engines": "torchao-int8-weights", "device": "cpu"})
    with pytest.raises(InputError, match=r"needs torchao, not installed here; run: pip install 'labtui\[peers\]'\."):
        EXPERIMENT.check(config)  # type: ignore[arg-type]


def found(run: RunRecord) -> list[Finding]:
    return list(STUDY.found(STUDY.read(DeployConfig(), run), run))


CALL, EAGER = Bounded(0.010, 0.0095, 0.0105), Bounded(0.008, 0.0079, 0.0081)
SLOWER = Finding("faster", value=CALL, beside=EAGER, counts=(5_000_000, 17_000_000))


def test_an_engine_for_linear_layers_cannot_win_more_than_they_take(tmp_path: Path) -> None:
    run = made(tmp_path, ("torchao-int8-dynamic", {}))
    assert found(run) == [SLOWER, Finding("linear", value=0.75), Finding("integers")]
    (first, second, _) = results.findings(run)
    assert first.startswith("1.2 times as slow as eager torch, 10 ms a call against 8 ms; it loads 5.00 MB in place")
    assert "it can be 4.0 times as fast at most." in second


def test_a_faster_engine_needs_no_excuse(tmp_path: Path) -> None:
    faster = {"time": 0.004, "time_low": 0.0039, "time_high": 0.0041, "speedup": 2.0}
    (only,) = found(made(tmp_path, ("onnxruntime", faster)))
    assert (only.kind, only.value) == ("faster", Bounded(0.004, 0.0039, 0.0041))


@pytest.mark.parametrize(
    ("measured", "machine", "by"),
    [
        ({}, {}, "arithmetic"),
        ({}, {"copy": 2e9}, "memory"),
        ({"operations": 1_000, "against": 0.1}, {}, "operators"),
    ],
)
def test_eager_is_bound_by_what_takes_longest(
    tmp_path: Path, measured: dict[str, Any], machine: dict[str, Any], by: str
) -> None:
    (bound,) = found(made(tmp_path, ("eager", measured), **machine))
    assert (bound.kind, bound.at) == ("bound", by)
    assert bound.values == (17_000_000 / machine.get("copy", 20e9), measured.get("operations", 700_000_000) / 100e9)


def test_eager_is_bound_in_words(tmp_path: Path) -> None:
    (sentence,) = results.findings(made(tmp_path, ("eager", {})))
    assert sentence.endswith("0.7 billion operations 7 ms, a call 8 ms: it is bound by arithmetic.")


def test_weights_that_are_decoded_save_reading_alone(tmp_path: Path) -> None:
    (_, _, decoded) = found(made(tmp_path, ("mxint8", {})))
    assert decoded == Finding("decoded", value=pytest.approx(0.85 / 7.85), counts=(1,))


def test_an_engine_that_computes_the_same_is_said_to(tmp_path: Path) -> None:
    run = made(tmp_path, ("onnxruntime", {}))
    (_, reason) = found(run)
    assert reason == Finding("same")
    assert results.findings(run)[1].startswith("It computes the same operations in float32")


def test_halves_are_no_faster_without_instructions(tmp_path: Path) -> None:
    (_, reason) = found(made(tmp_path, ("eager-bf16", {})))
    assert reason == Finding("halves", values=(50e9, 100e9))


def test_disturbed_times_are_told_once(tmp_path: Path) -> None:
    run = made(tmp_path, ("eager", {"disturbed": True}), ("compiled", {"disturbed": True}))
    assert found(run)[-1] == Finding("disturbed", counts=(2,))
    *_, last = results.findings(run)
    assert last == "Other processes took part in the times of 2 points; run it again when it is quiet."


def test_energy_is_a_column_where_it_was_counted_and_a_word_where_not(tmp_path: Path) -> None:
    (counted,) = results.listings(made(tmp_path / "a", ("eager", {"energy": 0.5, "energy_why": ""})))
    assert "J/sample" in [column.label for column in counted.columns]
    (nothing,) = results.listings(made(tmp_path / "b", ("eager", {"energy": None, "energy_why": "no counter here"})))
    assert "J/sample" not in [column.label for column in nothing.columns]
    assert nothing.caption.endswith("Energy: no counter here.")
    (older,) = results.listings(made(tmp_path / "c", ("eager", {})))
    assert "Energy" not in older.caption


def test_scores_are_read_by_the_metric_of_their_task(tmp_path: Path) -> None:
    scored = {"perplexity": 12.0, "perplexity_low": 11.0, "perplexity_high": 13.0, "loss": 2.5, "task": "causal-lm"}
    run = made(tmp_path, ("eager", scored))
    assert [figure.y_label for figure in results.figures(run)] == ["Test perplexity", "Time of a call"]
    (point,) = STUDY.read(DeployConfig(), run)
    assert point.result is not None
    assert point.result.tested is not None
    assert point.result.tested.score == Bounded(12.0, 11.0, 13.0)
    assert point.result.to_record(STUDY.metric(point.result)) == {**MEASURED, **scored}


@pytest.mark.slow
def test_engines_compute_what_the_model_does(builtin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "PATIENCE", 0)
    chosen = ("eager", "eager-bf16", "mxint8", *(name for name in engines.usable("cpu") if name.startswith("onnx")))
    settings = {"engines": ",".join(chosen), "batch_sizes": "1", "sequences": "16", "data": "builtin"}
    _, config = configure(
        "profile", {"study": "deploy", "repeats": 4, "eval_samples": 200, "device": "cpu", **settings}
    )
    context = RecordingContext(tmp_path)
    points = [Point(index, params) for index, params in enumerate(EXPERIMENT.points(config))]  # type: ignore[arg-type]
    EXPERIMENT.run(config, points, context)  # type: ignore[arg-type]
    found = {one.params["engine"]: context.results[one.index] for one in points}
    assert found["eager"]["difference"] == found["eager"]["delta"] == 0
    assert found["eager"]["bytes"] > 1.9 * found["eager-bf16"]["bytes"]
    assert found["eager"]["bytes"] > found["mxint8"]["bytes"]
    assert all(one["difference"] < 0.1 and abs(one["delta"]) < 0.05 for one in found.values())
    assert all(("energy" in one) != ("energy_why" in one) for one in found.values())
    assert all(one["time"] > 0 and 0 < one["linear"] < 1 and one["operations"] > 0 for one in found.values())
    if "onnxruntime" in found:
        assert found["onnxruntime"]["difference"] < 1e-4
        assert found["onnxruntime"]["bytes"] > found["onnxruntime-int8"]["bytes"]
    run = record(tmp_path, config.model_dump(mode="json"), [(one.params, context.results[one.index]) for one in points])
    assert [figure.key for figure in results.figures(run)] == ["deploy", "calls"]
    assert len(results.listings(run)[0].rows) == len(chosen)
