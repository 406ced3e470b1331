"""Checkpoints of a point: found again by the next attempt, with the curves up to them."""

from pathlib import Path

from engine.runtime.attempts import AttemptFile, AttemptLog, attempt_files, read_events
from engine.runtime.context import Context


def begin(folder: Path, attempt: int, task: str = "0003") -> Context:
    (folder / "attempts").mkdir(exist_ok=True)
    log = AttemptLog.create(AttemptFile.of(folder, task, attempt).path)
    log.emit("start", None, {"points": [3], "device": "cpu"})
    return Context(log.emit, device="cpu", directory=folder)


def keep(context: Context, step: int, point: int = 3) -> None:
    context.metric(point, "loss", step / 10, step)
    context.checkpoint(point, step, lambda path: path.write_text(str(step)))


def lines(folder: Path, kind: str) -> list[dict[str, object]]:
    return [event.data for event in read_events(attempt_files(folder)[-1].path)[0] if event.kind == kind]


def test_the_next_attempt_finds_the_last_one_and_the_curve_up_to_it(tmp_path: Path) -> None:
    first = begin(tmp_path, 1)
    keep(first, 1)
    keep(first, 2)
    first.metric(3, "loss", 9.0, 3)  # lost with the process: step 3 is made again
    second = begin(tmp_path, 2)
    path = second.resume(3)
    assert path is not None
    assert path.read_text() == "2"
    assert [(line["step"], line["value"]) for line in lines(tmp_path, "metric")] == [(1.0, 0.1), (2.0, 0.2)]
    third = begin(tmp_path, 3)
    assert third.resume(3) == path, "the line was recorded again"
    assert len(lines(tmp_path, "metric")) == 2


def test_only_the_last_file_stays_and_none_after_the_end(tmp_path: Path) -> None:
    context = begin(tmp_path, 1)
    keep(context, 1)
    (tmp_path / "artifacts" / "checkpoints" / "3" / ".2.partial").touch()  # of a process that was killed
    keep(context, 2)
    folder = tmp_path / "artifacts" / "checkpoints" / "3"
    assert [file.name for file in folder.iterdir()] == ["2"]
    context.finish(3, {})
    assert not folder.exists()


def test_an_attempt_that_died_before_its_first_checkpoint_goes_back_to_the_one_before(tmp_path: Path) -> None:
    keep(begin(tmp_path, 1), 5)
    begin(tmp_path, 2).metric(3, "loss", 1.0, 6)
    path = begin(tmp_path, 3).resume(3)
    assert path is not None
    assert path.read_text() == "5"


def test_other_points_and_missing_files_are_no_checkpoints(tmp_path: Path) -> None:
    context = begin(tmp_path, 1, task="0003-0004")
    keep(context, 1, point=4)
    assert begin(tmp_path, 2).resume(3) is None
    keep(context, 2)
    (tmp_path / "artifacts" / "checkpoints" / "3" / "2").unlink()
    assert begin(tmp_path, 3).resume(3) is None
