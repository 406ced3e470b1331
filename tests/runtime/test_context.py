import json
import threading
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.runtime import context as module
from engine.runtime.context import RecordingContext


def test_results_metrics_and_notes_are_kept(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    context.metric(2, "loss", 0.5, 10)
    context.note(baseline={"accuracy": 0.9})
    context.finish(2, {"accuracy": 0.8})
    assert context.metrics == [(2, "loss", 10.0, 0.5)]
    assert context.notes == {"baseline": {"accuracy": 0.9}}
    assert context.results == {2: {"accuracy": 0.8}}


def test_a_point_is_finished_once(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    context.finish(0, {})
    with pytest.raises(RuntimeError, match="twice"):
        context.finish(0, {})


def test_progress_is_thinned_and_metrics_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    context = RecordingContext(tmp_path)
    for step in range(1001):
        clock[0] = 100.0 + step / 1000
        context.progress(0, step, 1000)
        context.metric(0, "x", step, step)
    assert 10 <= len(context.steps) <= 12
    assert context.steps[-1] == (0, 1000.0, 1000.0, "")
    assert len(context.metrics) == 1001


@pytest.mark.parametrize("parts", [(), ("..",), ("a", "..", "b"), ("a/b",), ("/etc",), ("",), ("a\0",)])
def test_artifacts_stay_inside(tmp_path: Path, parts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="not a path under artifacts"):
        RecordingContext(tmp_path).artifact(*parts)


def test_artifact_folders_are_made(tmp_path: Path) -> None:
    path = RecordingContext(tmp_path).artifact("best", "model")
    assert path == tmp_path / "artifacts" / "best" / "model"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert not path.exists()


def test_once_is_computed_once_and_noted_each_time(tmp_path: Path) -> None:
    calls: list[int] = []
    contexts = [RecordingContext(tmp_path) for _ in range(4)]
    start = threading.Barrier(4)

    def compute() -> dict[str, float]:
        calls.append(1)
        return {"accuracy": 0.5, "bad": float("inf")}

    def ask(context: RecordingContext) -> None:
        start.wait()
        assert context.once("baseline", compute) == {"accuracy": 0.5, "bad": float("inf")}

    threads = [threading.Thread(target=ask, args=(context,)) for context in contexts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [1]
    assert all(context.notes["baseline"]["accuracy"] == 0.5 for context in contexts)
    json.loads((tmp_path / "artifacts" / "once" / "baseline.json").read_text())


def test_a_computation_that_fails_is_tried_once_by_each_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing baseline was measured again by every point."""
    context = RecordingContext(tmp_path)
    with pytest.raises(ZeroDivisionError):
        context.once("x", lambda: {"a": 1 / 0})
    with pytest.raises(InputError, match="division by zero"):
        context.once("x", lambda: {"a": 1})
    monkeypatch.setattr(module, "_host", lambda: [1, 2, "another"])
    assert context.once("x", lambda: {"a": 1}) == {"a": 1}


def test_too_little_memory_is_no_lasting_failure(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)

    def full() -> dict[str, int]:
        raise MemoryError

    with pytest.raises(MemoryError):
        context.once("x", full)
    assert context.once("x", lambda: {"a": 1}) == {"a": 1}
