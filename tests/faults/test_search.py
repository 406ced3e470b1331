"""A search that is killed and resumed proposes what an undisturbed one proposes; no trial is lost or done twice."""

import random
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import DamagedRunError
from engine.runtime import control
from engine.runtime.attempts import append_events, attempt_files, read_events, trials_file
from engine.runtime.lock import lock_held, read_info
from engine.runtime.records import RunRecord
from engine.runtime.runs import create_run, read_run
from engine.runtime.trials import pending, wish
from tests.faults.helpers import SEED, finished, interrupted, kill, kill_all, processes, wait_for, wait_until_idle
from tests.faults.optuna_search import EXPERIMENT as OPTUNA
from tests.faults.optuna_search import OptunaConfig
from tests.faults.optuna_search import value as optuna_value
from tests.faults.toy_search import EXPERIMENT, SearchConfig, hashed, value
from tests.search.simulated import searched


def optuna_run(config: OptunaConfig) -> Path:
    points = [dict(params) for params in OPTUNA.points(config)]
    return create_run(experiment=OPTUNA.name, config=config.model_dump(), points=points, seed=SEED, versions={})


def search_run(trials: int = 8, series: int = 1, pause: float = 0.0, waits: bool = False) -> Path:
    config = SearchConfig(trials=trials, series=series, pause=pause, waits=waits, seed=SEED)
    points = [dict(params) for params in EXPERIMENT.points(config)]
    return create_run(experiment=EXPERIMENT.name, config=config.model_dump(), points=points, seed=SEED, versions={})


def undisturbed(run: RunRecord) -> list[int]:
    """What the study proposes when it is asked in order and nothing goes wrong, by the rules of `ToyStudy` alone."""
    found: dict[int, int] = {}
    for point in run.points:
        series = point.params["series"]
        before = [value(found[index]) for index in found if run.points[index].params["series"] == series]
        found[point.index] = hashed(SEED, series, point.params["trial"], before) % 1000
    return list(found.values())


def assert_searched(path: Path) -> RunRecord:
    run = read_run(path)
    assert run.state == "finished"
    assert [point.params["x"] for point in run.points] == undisturbed(run)
    assert [point.result for point in run.points] == [{"value": value(point.params["x"])} for point in run.points]
    ends: Counter[int] = Counter()
    for file in attempt_files(path)[1:]:
        ends.update(event.point for event in read_events(file.path)[0] if event.kind == "finished")
    asked = Counter(event.point for event in read_events(trials_file(path).path)[0] if event.kind == "trial")
    assert ends == asked == Counter(range(len(run.points)))
    return run


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_random_kills(seed: int) -> None:
    dice = random.Random(seed)
    path = search_run(12, series=2, pause=0.08)
    control.start(path)
    kills = 0
    while kills < 7:
        time.sleep(dice.uniform(0.0, 0.5))
        victim = dice.choice(["driver", "host", "all"])
        if victim == "all":
            kill_all(path)
            kills += 1
        else:
            kills += kill(processes(path)[victim][:1])
        if not processes(path)["driver"]:
            assert read_run(path).state != "finished", "the run is too short for this test"
            control.start(path)
            wait_for(lambda: processes(path)["driver"], "a driver")
    wait_until_idle(path)
    assert_searched(path)


@pytest.mark.slow
def test_killed_studies_propose_the_same_as_undisturbed_ones() -> None:
    """Random, TPE, GP and CMA-ES, trials in flight: `searched` asks the same in one process, without a runtime."""
    config = OptunaConfig(trials=12, pause=0.05, seed=SEED)
    undisturbed = searched(OPTUNA.series(config), config.trials, lambda params: {"value": optuna_value(params)})
    path = optuna_run(config)
    dice = random.Random(SEED)
    for done in (17, 44):  # beyond 40 trials TPE, GP and CMA-ES look at what was found
        control.start(path)
        wait_for(lambda done=done: finished(path) >= done, f"{done} finished trials")  # type: ignore[misc]
        victim = dice.choice(["all", "driver"])
        kill_all(path) if victim == "all" else kill(processes(path)["driver"])
        wait_for(lambda: not lock_held(path), "lock free")
        assert read_run(path).state == "interrupted"
    control.resume(path)
    run = wait_until_idle(path)
    assert run.state == "finished"
    assert [dict(point.params) for point in run.points] == [dict(point.params) for point in undisturbed.points]
    assert [point.result for point in run.points] == [point.result for point in undisturbed.points]
    asked = Counter(event.point for event in read_events(trials_file(path).path)[0] if event.kind == "trial")
    assert asked == Counter(range(len(run.points)))


def test_a_torn_proposal_is_made_again() -> None:
    path = search_run(6, pause=0.1)
    interrupted(path, 2)
    (path / "run.db").unlink()
    with trials_file(path).path.open("ab") as log:
        log.write(b'{"ts":1.0,"n":99,"kind":"trial","point":4,"data":{"params":{"x":')
    control.resume(path)
    wait_until_idle(path)
    assert_searched(path)


def test_wishes_are_granted_once() -> None:
    path = search_run(3, pause=0.05)
    wish(path, {"more": 2})
    wish(path, {"try": {"x": 5}})
    wish(path, {"try": {"y": 5}})
    interrupted(path, 1)
    taken = [event for event in read_events(trials_file(path).path)[0] if "wish" in event.data]
    for event in taken:  # as if the driver had died before it could remove the files
        (path / "wishes" / event.data["wish"]).write_text('{"more":7}')
    control.resume(path)
    run = wait_until_idle(path)
    assert run.state == "finished"
    assert run.points[0].params["x"] == 5
    assert [point.params["trial"] for point in run.points] == [0, 1, 2, 3, 4]
    assert len(run.finished) == 5
    assert pending(path) == []
    assert "asks for what cannot be done: x is missing" in (path / "logs" / "driver.log").read_text()


def test_a_finished_search_goes_on_when_asked_for_more() -> None:
    path = search_run(2)
    control.start(path)
    wait_until_idle(path)
    wish(path, {"more": 3})
    control.start(path)
    wait_for(lambda: finished(path) == 5, "five trials")
    wait_for(lambda: not lock_held(path), "the end")
    assert_searched(path)


def test_a_paused_search_keeps_its_wishes() -> None:
    path = search_run(4, pause=0.05)
    control.start(path)
    wait_for(lambda: finished(path), "a trial")
    control.pause(path)
    assert wait_until_idle(path).state == "paused"
    wish(path, {"more": 1})
    assert len(read_run(path).points) == 4
    control.resume(path)
    wait_until_idle(path)
    assert len(assert_searched(path).points) == 5


def _emptied(log: Path) -> None:
    log.write_bytes(b"")


def _scrambled(log: Path) -> None:
    data = bytearray(log.read_bytes())
    random.Random(3).shuffle(data)
    log.write_bytes(bytes(data))


def _half(log: Path) -> None:
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])


@pytest.mark.parametrize("damage", [Path.unlink, _emptied, _scrambled, _half])
@pytest.mark.parametrize("indexed", [True, False])
def test_a_search_whose_proposals_are_damaged_knows_them_from_its_attempts(
    damage: Callable[[Path], None], indexed: bool
) -> None:
    path = search_run(6, pause=0.1)
    before = interrupted(path, 3)
    damage(trials_file(path).path)
    if not indexed:
        (path / "run.db").unlink()
    assert [point.params for point in read_run(path).points[:3]] == [point.params for point in before.points[:3]]
    control.resume(path)
    run = wait_until_idle(path)
    assert run.state == "finished"
    assert [point.params["x"] for point in run.points] == undisturbed(run)
    assert [point.result for point in run.points[:3]] == [point.result for point in before.points[:3]]


def test_a_search_that_has_lost_proposals_for_good_says_so_and_ends() -> None:
    path = search_run(6, pause=0.1)
    interrupted(path, 2)
    trials_file(path).path.unlink()
    for file in attempt_files(path):  # as versions without parameters in their attempts wrote them
        file.path.write_text(re.sub(r'"params":\[.*?\],', "", file.path.read_text()))
    control.resume(path)
    run = wait_until_idle(path)
    assert run.state == "interrupted"
    assert "trials.jsonl has lost the parameters of point 0, 1" in run.problem
    wait_for(lambda: not any(processes(path).values()), "no process left")


def test_a_search_that_waits_for_nobody_ends() -> None:
    path = search_run(3, waits=True)
    control.start(path)
    run = wait_until_idle(path)
    assert run.state == "interrupted"
    assert "its trials wait for others that are not there" in run.problem


def test_a_gap_in_the_points_ends_the_driver_with_a_sentence() -> None:
    path = search_run(2)
    append_events(trials_file(path).path, [("trial", 7, {"params": {"series": 0, "trial": 7, "x": 1}})])
    with pytest.raises(DamagedRunError, match="points are missing"):
        read_run(path)
    control.start(path)
    wait_for(lambda: not lock_held(path), "the driver's end")
    assert "points are missing" in read_info(path).problem
