"""Each study run in this process, on tiny shapes, and what is read out of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from cuda_kernels import bench, timing
from engine.experiments import results
from engine.experiments.launch import configure
from engine.experiments.profile import EXPERIMENT
from engine.profiling import compiling
from engine.runtime.context import Point, RecordingContext
from engine.runtime.records import PointRecord, RunRecord


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "PATIENCE", 0)
    monkeypatch.setattr(bench, "_CACHE_BYTES", {"cpu": 1 << 16})


def run(path: Path, **settings: Any) -> RunRecord:
    """What a run of these settings records."""
    _, config = configure("profile", {"repeats": 4, **settings})
    context = RecordingContext(path)
    points = [Point(index, params) for index, params in enumerate(EXPERIMENT.points(config))]
    EXPERIMENT.run(config, points, context)  # type: ignore[arg-type]
    return record(path, config.model_dump(mode="json"), [(one.params, context.results[one.index]) for one in points])


def record(path: Path, config: dict[str, Any], points: list[tuple[Any, Any]]) -> RunRecord:
    return RunRecord(
        id="p-0001",
        name="a profile",
        experiment="profile",
        config=config,
        state="finished",
        created=0.0,
        path=path,
        points=tuple(
            PointRecord(index, params, state="finished", result=json.loads(json.dumps(result)))
            for index, (params, result) in enumerate(points)
        ),
    )


def tables(made: RunRecord) -> dict[str, Any]:
    return {listing.key: listing for listing in results.listings(made)}


def test_memory_of_a_block_is_what_its_shapes_say(tmp_path: Path) -> None:
    made = run(tmp_path, study="memory", blocks="mlp", hidden=32)
    (point,) = made.finished
    assert point.result is not None
    weights, biases = 2 * 32 * 128, 32 + 128
    before, after = 4 * (weights + biases), weights + weights // 32 + 4 * biases
    assert (point.result["against_bytes"], point.result["bytes"]) == (before, after)
    assert point.result["ideal"] == (32 - 8.25) / 32
    assert point.result["scratch"] == 32 * 128 * 4
    packed = 4 * weights / before
    sentences = results.findings(made)
    assert sentences[0] == (
        f"The model takes {after / 1000:.2f} kB in place of {before / 1000:.1f} kB: {100 * (1 - after / before):.1f} % "
        "less, where the format saves 74.2 % of what it packs."
    )
    assert sentences[1].startswith(f"{100 * packed:.1f} % of the bytes are packed, and {100 * packed:.1f} % of 74.2 %")
    assert "bias 640 B" in sentences[2]
    assert sentences[3].startswith("256 B are scales, a byte for 32 numbers")
    (figure,) = results.figures(made)
    assert figure.categories == ("packed weights", "bias", "scratch")
    assert [(one.name, one.x, one.y) for one in figure.series] == [
        ("float32", (0.0, 1.0), (4.0 * weights, 4.0 * biases)),
        ("packed", (0.0, 1.0, 2.0), (weights * 33 / 32, 4.0 * biases, 16384.0)),
    ]
    rows = [(row["layer"], row["held"], row["bytes"]) for row in tables(made)["holdings"].rows]
    assert rows == [
        ("up", "packed", 4096 + 128),
        ("up", "as it was", 512),
        ("down", "packed", 4096 + 128),
        ("down", "as it was", 128),
    ]
    assert [row["kind"] for row in tables(made)["kinds"].rows] == ["packed weights", "bias", "scratch"]


def test_memory_of_a_model_says_that_embeddings_stay(tmp_path: Path, small_pair: dict[str, str]) -> None:
    made = run(tmp_path, study="memory", model=small_pair["model"], groups="8,32", skip="classifier")
    kinds = {row["kind"] for row in tables(made)["kinds"].rows}
    assert kinds >= {"packed weights", "Embedding", "LayerNorm", "Linear", "scratch"}
    assert all(row["held"] == "as it was" for row in tables(made)["holdings"].rows if row["layer"] == "classifier")
    assert any("groups of 8: what stays as it was: " in text and "Embedding" in text for text in results.findings(made))


def test_attention_over_lengths(tmp_path: Path) -> None:
    made = run(tmp_path, study="attention", lengths="16,32", heads=2, head_sizes=8, masks="causal")
    time, memory = results.figures(made)
    assert [one.name for one in time.series] == ["naive", "math", "flash"]
    assert all(one.x == (16.0, 32.0) for one in (*time.series, *memory.series))
    assert (memory.y_unit, memory.series[0].y_low) == ("bytes", None)
    rows = tables(made)["ways"].rows
    assert [(row["shape"], row["way"]) for row in rows[:2]] == [
        ("2×16×8 causal float32", "naive"),
        ("2×16×8 causal float32", "math"),
    ]
    assert all(row["difference"] < 1e-5 for row in rows)
    first = made.finished[0].result or {}
    assert first["time"] == min(row["time"] for row in rows[1:3])
    assert first["speedup"] == first["against"] / first["time"]
    assert any("2 times the tokens take naive" in text for text in results.findings(made))


def test_mxint8_beside_the_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> object:
        raise RuntimeError("no compiler")

    only_eager = {"torch eager": lambda m, s, out: bench.dequantize(m, s, 32, out=out), "torch.compile": broken}
    monkeypatch.setattr(bench, "contenders", lambda *arguments: only_eager)
    made = run(tmp_path, study="mxint8", elements=4096)
    rows = tables(made)["kernels"].rows
    assert [row["kernel"] for row in rows] == ["copy", "labtui", "torch eager", "torch.compile"]
    assert rows[0]["share"] == 1
    assert rows[1]["rate"] * rows[1]["time"] * 1e9 == pytest.approx(4096 + 128 + 8192)
    (figure,) = results.figures(made)
    assert figure.categories == ("copy", "labtui", "torch eager", "torch.compile")
    assert figure.series[0].x == (0.0, 1.0, 2.0)  # no bar for what did not run
    assert "Torch.compile: RuntimeError: no compiler." in results.findings(made)


@pytest.mark.parametrize("mode", ["inference", "training"])
def test_a_step_by_operator_with_its_trace(tmp_path: Path, mode: str) -> None:
    made = run(tmp_path, study="step", blocks="mlp", hidden=16, sequence=4, batch_sizes="2", steps=2, mode=mode)
    listed = tables(made)
    assert {row["name"] for row in listed["layers"].rows} == {"(the model itself)", "up", "down"}
    assert sum(row["share"] for row in listed["operators"].rows) == pytest.approx(1)
    assert "aten::addmm" in {row["name"] for row in listed["operators"].rows}
    parts = {"forward"} if mode == "inference" else {"forward", "backward", "optimizer"}
    assert {row["name"] for row in listed["phases"].rows} == parts
    trace = tmp_path / "artifacts" / "points" / "0" / "trace.json"
    assert json.loads(trace.read_text())["traceEvents"]
    sentences = results.findings(made)
    assert f"The Chrome trace is {trace}; open it at ui.perfetto.dev." in sentences
    assert any(text.startswith("Of a step, ") for text in sentences) == (mode == "training")
    operators, layers = results.figures(made)
    assert len(operators.categories) <= 6
    assert set(layers.categories) == {"(the model itself)", "up", "down"}


def test_no_trace_where_none_is_wanted(tmp_path: Path) -> None:
    made = run(tmp_path, study="step", blocks="mlp", hidden=16, sequence=4, batch_sizes="2", steps=1, trace=False)
    assert not list(tmp_path.rglob("trace.json"))
    assert not any("trace" in text for text in results.findings(made))


def test_compile_records_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def measured(*arguments: object) -> compiling.Compilation:
        eager, compiled = timing.Timing(0.003, 0.0029, 0.0031), timing.Timing(0.001, 0.0009, 0.0011)
        return compiling.Compilation(2.5, 4.001, eager, compiled, 2, ("a branch (x.py, line 3)",), 0.5, 2.0)

    monkeypatch.setattr(compiling, "measure", measured)
    made = run(tmp_path, blocks="mlp", hidden=16, sequence=4, batch_sizes="1")
    assert results.findings(made) == [
        "Compiling costs 4.0 s and saves 2 ms a call: it pays after 2,000 calls, which are then 3.0 times as fast.",
        "The forward falls into 2 graphs, because of: a branch (x.py, line 3).",
        "Compiled outputs differ by 0.5 at most, where the largest is 2.",
        "Before that the compiler took up to 2.5 s to start, once in each process.",
    ]
    calls, payoff = results.figures(made)
    assert (calls.categories, [one.y for one in calls.series]) == (("mlp, float32, batch 1",), [(0.003,), (0.001,)])
    eager, compiled = payoff.series
    crossing = next(x for x, a, b in zip(eager.x, eager.y, compiled.y, strict=True) if b <= a)
    assert 2000 <= crossing < 2000 * 10 ** (4.302 / 40)
    assert tables(made)["breaks"].rows == ({"name": "mlp, float32, batch 1", "reason": "a branch (x.py, line 3)"},)


@pytest.mark.slow
def test_compile_for_real(tmp_path: Path) -> None:
    made = run(tmp_path, blocks="mlp", hidden=16, sequence=4, batch_sizes="1")
    assert results.findings(made)[-1] == "No graph breaks: each forward is one graph."
    assert (made.finished[0].result or {})["difference"] < 1e-5
