"""What becomes of points that fail, die or do not fit; and of runs whose hosts cannot start."""

import pytest

from engine.errors import InputError
from engine.runtime import control
from engine.runtime.attempts import attempt_files
from engine.runtime.runs import log_path
from tests.faults.helpers import assert_sound, toy_run, wait_until_idle


def test_an_exception_fails_its_point_and_the_sweep_goes_on() -> None:
    path = toy_run(["fail", "work", "leave", "nothing", "killed_once"])
    control.start(path)
    wait_until_idle(path)
    run = assert_sound(path)
    assert run.state == "finished"
    assert [point.state for point in run.points] == ["failed", "finished", "failed", "failed", "finished"]
    errors = [point.error or {} for point in run.points]
    assert (errors[0]["type"], errors[0]["message"]) == ("ValueError", "as told")
    assert "Traceback" in errors[0]["traceback"]
    assert errors[2]["message"] == "the process ended with status 3 and left no result"
    assert "without a result for point 3" in errors[3]["message"]
    assert run.points[4].attempt == 2
    log = log_path(path, 4)
    assert log is not None
    assert log.name == "0004.2.log"
    assert "labtui: attempt 2; what the one before it printed is in logs/0004.1.log" in log.read_text()
    assert "labtui: killed by signal 11 (SIGSEGV); it begins again" in log.with_name("0004.1.log").read_text()


def test_death_by_signal_is_retried_three_times() -> None:
    path = toy_run(["killed", "work"])
    control.start(path)
    wait_until_idle(path)
    point = assert_sound(path).points[0]
    assert point.attempt == 4
    assert point.state == "failed"
    assert (point.error or {})["message"] == "killed by signal 9: out of memory?"


def test_three_same_errors_in_a_row_stop_the_run() -> None:
    path = toy_run(["fail", "work", "fail", "fail", "fail", "work"])
    control.start(path)
    run = wait_until_idle(path)
    assert run.state == "failed"
    assert [point.state for point in run.points] == ["failed", "finished", "failed", "failed", "failed", "queued"]
    control.resume(path)
    assert wait_until_idle(path).state == "finished"
    assert_sound(path)


def test_a_run_without_any_result_has_failed() -> None:
    path = toy_run(["fail"])
    control.start(path)
    assert wait_until_idle(path).state == "failed"
    with pytest.raises(InputError, match="failed on all its points"):
        control.resume(path)


def test_what_does_not_fit_in_memory_is_split_in_half() -> None:
    path = toy_run(["memory"] * 5 + ["work"], group=4)
    control.start(path)
    wait_until_idle(path)
    assert_sound(path)
    tasks = [file.task for file in attempt_files(path)]
    assert tasks == ["0000-0003", "0004-0005", "0000-0001", "0002-0003", "0004", "0005", "0000", "0001", "0002", "0003"]


def test_points_trained_together() -> None:
    path = toy_run(["work"] * 7, group=3)
    control.start(path)
    wait_until_idle(path)
    assert_sound(path)
    assert [file.task for file in attempt_files(path)] == ["0000-0002", "0003-0005", "0006"]


def test_once_is_computed_once() -> None:
    path = toy_run(["work"] * 4)
    control.start(path)
    run = wait_until_idle(path)
    found = [file for file in (path / "artifacts" / "once").iterdir() if file.suffix == ".json"]
    assert len(found) == 1
    assert run.notes["baseline"]["value"] > 0


def test_a_host_that_cannot_start_leaves_the_run_as_it_was() -> None:
    path = toy_run(["work"] * 2, experiment="tests.faults.broken")
    control.start(path)
    run = wait_until_idle(path)
    assert run.state == "interrupted"
    assert "the worker for cpu does not run" in run.problem
    assert "no_such_module_anywhere" in run.problem
    assert all(point.state == "queued" for point in run.points)


def test_wrong_input_is_a_sentence_without_a_traceback() -> None:
    path = toy_run(["refuse", "work"])
    control.start(path)
    wait_until_idle(path)
    sentence = "There is no column 'txt'; did you mean text?"
    assert assert_sound(path).points[0].error == {"type": "InputError", "message": sentence, "traceback": ""}
    log = log_path(path, 0)
    assert log is not None
    assert log.read_text() == f"labtui: {sentence}\n"
