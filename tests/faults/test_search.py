"""A search that is killed and resumed proposes what an undisturbed one proposes; no trial is lost or done twice."""

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from engine.runtime import control
from engine.runtime.attempts import attempt_files, read_events, trials_file
from engine.runtime.lock import lock_held
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


def search_run(trials: int = 8, series: int = 1, pause: float = 0.0) -> Path:
    config = SearchConfig(trials=trials, series=series, pause=pause, seed=SEED)
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
