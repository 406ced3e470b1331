import errno
import math
import os
import threading
from pathlib import Path

import pytest

from engine.errors import DamagedRunError, InputError
from engine.runtime.attempts import AttemptFile, AttemptLog
from engine.runtime.finalise import finalise
from engine.runtime.index import Index
from engine.runtime.lock import LockInfo, RunLock
from engine.runtime.requests import ask
from engine.runtime.runs import RunReader, create_run, find_run, list_runs, log_path, look, read_run
from engine.runtime.spec import RunSpec


def make(name: str | None = None, points: int = 2, experiment: str = "quantize") -> Path:
    grid = [{"width": width} for width in range(points)]
    return create_run(experiment=experiment, config={"a": (1, 2)}, points=grid, name=name, versions={"python": "3"})


def log(path: Path, point: int, attempt: int = 1) -> AttemptLog:
    opened = AttemptLog.create(AttemptFile.of(path, f"{point:04d}", attempt).path)
    opened.emit("start", None, {"points": [point], "device": "cpu"})
    return opened


def test_ids_count_up_and_names_default_to_them() -> None:
    paths = [make(), make("mine"), make(experiment="tests.faults.toy")]
    assert [path.name for path in paths] == ["q-0001", "q-0002", "t-0003"]
    assert [read_run(path).name for path in paths] == ["q-0001", "mine", "t-0003"]
    assert list_runs() == paths[::-1]
    assert read_run(paths[0]).config == {"a": [1, 2]}
    assert all((path.stat().st_mode & 0o777) == 0o700 for path in paths)
    assert all(file.stat().st_mode & 0o077 == 0 for path in paths for file in path.rglob("*"))


def test_ids_are_unique_when_made_at_once() -> None:
    threads = [threading.Thread(target=make) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({path.name for path in list_runs()}) == 16


def test_a_folder_without_a_spec_is_a_damaged_run_and_a_link_is_none(state: Path) -> None:
    path = make()
    (state / "runs" / "q-0002").mkdir()
    (state / "runs" / "q-0003").symlink_to(path)
    assert list_runs() == [state / "runs" / "q-0002", path]
    assert make().name == "q-0004"
    with pytest.raises(
        DamagedRunError, match=r"q-0002 is damaged \(spec\.json: No such file or directory\); `labtui rm"
    ):
        read_run(state / "runs" / "q-0002")
    assert look(state / "runs" / "q-0002").state == "damaged"


def test_a_run_that_cannot_be_written_leaves_no_folder(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(spec: RunSpec, directory: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RunSpec, "write", full)
    with pytest.raises(OSError, match="No space"):
        make()
    assert list((state / "runs").iterdir()) == []


def test_find() -> None:
    with pytest.raises(InputError, match="no runs yet"):
        find_run("@last")
    first, second, third = make("alpha"), make("alpha"), make("beta")
    assert find_run("@last") == third
    assert find_run(first.name) == first
    assert find_run("alpha") == second
    assert find_run("beta") == third
    with pytest.raises(InputError, match="more than one run 'q-'; did you mean q-0003, q-0002"):
        find_run("q-")
    with pytest.raises(InputError, match="did you mean alpha"):
        find_run("alhpa")
    with pytest.raises(InputError, match="`labtui runs` lists"):
        find_run("zzzzzzz")


def test_unique_prefix() -> None:
    for _ in range(11):
        make()
    with pytest.raises(InputError, match="q-0011, q-0010"):
        find_run("q-001")
    other = make(experiment="prune")
    assert find_run("p") == other


def test_reading_without_an_index_follows_the_logs() -> None:
    path = make()
    reader = RunReader(path)
    first = reader.poll()
    assert first is not None
    assert first.state == "interrupted"
    assert reader.poll() is None
    events = log(path, 0)
    events.emit("metric", 0, {"key": "loss", "value": 0.5, "step": 1.0})
    events.emit("metric", 0, {"key": "loss", "value": math.nan, "step": 2.0})
    run = reader.poll()
    assert run is not None
    assert run.points[0].metrics["loss"][0] == (1.0, 0.5)
    assert math.isnan(run.points[0].metrics["loss"][1][1])
    events.emit("finished", 0, {"accuracy": math.inf})
    run = reader.poll()
    assert run is not None
    assert run.points[0].result == {"accuracy": math.inf}
    assert read_run(path).points[0].metrics == {}
    assert log_path(path, 0) == log_path(path, 0, attempt=1) == path / "logs" / "0000.1.log"
    assert log_path(path, 1) is None
    reader.close()


def test_metrics_of_the_last_attempt_count() -> None:
    path = make(points=1)
    for attempt in (1, 2):
        events = log(path, 0, attempt)
        for step in range(attempt):
            events.emit("metric", 0, {"key": "loss", "value": attempt, "step": step})
    assert read_run(path, metrics=True).points[0].metrics == {"loss": ((0.0, 2.0), (1.0, 2.0))}


def test_an_index_is_read_incrementally() -> None:
    path = make()
    lock = RunLock.take(path)
    assert lock is not None
    lock.write(LockInfo(problem="\x1b[31mwaiting\nfor it"))
    index = Index.open(path, RunSpec.read(path))
    index.set_state("running")
    events = log(path, 0)
    reader = RunReader(path)
    reader.poll()
    for step in range(5):
        events.emit("metric", 0, {"key": "loss", "value": step, "step": step})
        assert reader.poll() is None, "the index, not the log, is what is read"
        index.ingest([AttemptFile.of(path, "0000", 1)])
        run = reader.poll()
        assert run is not None
        assert len(run.points[0].metrics["loss"]) == step + 1
        assert (run.state, run.points[0].state, run.problem) == ("running", "running", "waiting for it")
    index.close()
    lock.release()
    run = reader.poll()
    assert run is not None
    assert (run.state, run.points[0].state) == ("interrupted", "queued")
    reader.close()


def test_an_index_behind_its_logs_is_not_believed() -> None:
    path = make()
    index = Index.open(path, RunSpec.read(path))
    index.close()
    log(path, 1).emit("finished", 1, {"accuracy": 1.0})
    assert read_run(path).points[1].state == "finished"


def test_a_reader_follows_an_index_that_was_replaced() -> None:
    path = make()
    spec = RunSpec.read(path)
    Index.open(path, spec).close()
    reader = RunReader(path)
    reader.poll()
    log(path, 0).emit("finished", 0, {"accuracy": 1.0})
    Index.rebuild(path, spec).close()
    run = reader.poll()
    assert run is not None
    assert run.points[0].result == {"accuracy": 1.0}
    reader.close()


def test_a_settled_run_keeps_its_index() -> None:
    path = make()
    spec = RunSpec.read(path)
    log(path, 0).emit("finished", 0, {})
    ask(path, "pause")
    assert finalise(path, spec, "pause") == "paused"
    with (path / "run.db").open("rb") as kept:  # open, so that its number is not given to another file
        index = Index.open(path, spec)
        assert os.path.samestat((path / "run.db").stat(), os.fstat(kept.fileno()))
        index.connection.close()  # not in order
        Index.open(path, spec).close()
        assert not os.path.samestat((path / "run.db").stat(), os.fstat(kept.fileno()))


def test_notes_merge_in_the_order_of_time() -> None:
    path = make()
    log(path, 0).emit("note", None, {"a": 1, "b": 1})
    log(path, 1).emit("note", None, {"b": 2})
    assert read_run(path).notes == {"a": 1, "b": 2}


def test_index_goes_to_local_disk_from_a_network_file_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("engine.runtime.index.on_network", lambda path: True)
    monkeypatch.setattr("engine.runtime.index.tempfile.gettempdir", lambda: str(tmp_path))
    path = make()
    Index.open(path, RunSpec.read(path)).close()
    assert not (path / "run.db").exists()
    assert len(list(tmp_path.glob("labtui-*/*.db"))) == 1
    assert read_run(path).state == "interrupted"


def test_a_line_that_lacks_its_data_is_counted_and_passed_over() -> None:
    path = make()
    events = log(path, 0)
    events.emit("start", None, {})
    events.emit("metric", 0, {"key": "loss"})
    events.emit("finished", 0, {"accuracy": 1.0})
    run = read_run(path, metrics=True)
    assert run.points[0].result == {"accuracy": 1.0}
    assert run.problem.startswith("2 lines of its logs cannot be read")
    assert log_path(path, 0) == path / "logs" / "0000.1.log"
    Index.open(path, RunSpec.read(path)).close()
    assert read_run(path).points[0].state == "finished"


def test_points_of_a_run_on_its_way_out_are_cancelled_not_queued() -> None:
    path = make(points=3)
    lock = RunLock.take(path)
    assert lock is not None
    log(path, 0)
    index = Index.open(path, RunSpec.read(path))
    index.set_state("running")
    ask(path, "cancel")
    run = read_run(path)
    assert run.state == "running"
    assert [point.state for point in run.points] == ["running", "cancelled", "cancelled"]
    index.close()
    lock.release()


def test_a_run_stores_no_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    path = make()
    assert not any(b"hf_secret" in file.read_bytes() for file in path.rglob("*") if file.is_file())
