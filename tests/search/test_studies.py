"""Searches propose the same whenever and however often they are resumed."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from engine.errors import InputError
from engine.runtime.records import PointRecord
from engine.search.constraints import parse_constraints
from engine.search.keys import GIVEN
from engine.search.samplers import Sampler
from engine.search.series import Goal, Series
from engine.search.space import Dimension, Range, Space
from engine.search.space_text import parse_space
from engine.search.studies import TEST_POINT, Studies, placeholders
from tests.search.simulated import changed, empty_run, searched

NUMBERS = parse_space("x=-4.0..4.0; y=1..64 log; z=0..10 step 2")
MIXED = parse_space("x=-4.0..4.0; kind=a,b,c; z=0..10 step 2")
ACCURACY = (Goal("accuracy"),)
CONDITIONAL = Space(
    (
        Dimension("format", ("fp32", "fixed")),
        Dimension("width", (8, 16, 32), under=(("format", ("fixed",)),)),
        Dimension("depth", Range(1, 4, 1, whole=True)),
    )
)


def series(sampler: Sampler, space: Space = NUMBERS, seed: int = 3, **settings: Any) -> Series:
    return Series({"sampler": sampler, "seed": seed}, sampler, space, seed, settings.pop("goals", ACCURACY), **settings)


def objective(params: Mapping[str, Any]) -> dict[str, float]:
    x, y, z = params["x"], params.get("y", 4), params["z"]
    return {"accuracy": -((x - 1) ** 2) - math.log(y) ** 2 - abs(z - 4), "bytes": 100.0 * y + z}


def proposals(run: Any) -> list[Mapping[str, Any]]:
    return [point.params for point in run.points]


@pytest.mark.parametrize("devices", [1, 3])
@pytest.mark.parametrize(
    ("sampler", "trials"), [("random", 20), ("tpe", 24), ("cmaes", 24), ("nsga2", 48), ("grid", 30)]
)
def test_a_resumed_study_proposes_the_same(sampler: Sampler, trials: int, devices: int) -> None:
    space = parse_space("x=-4.0..4.0 step 0.5; y=1..5; z=0..10 step 2") if sampler == "grid" else NUMBERS
    whole = searched([series(sampler, space)], trials, objective, devices=devices)
    for every in (1, 5):
        assert proposals(
            searched([series(sampler, space)], trials, objective, devices=devices, resumed_every=every)
        ) == (proposals(whole))
    assert len({str(params) for params in proposals(whole)}) == trials


@pytest.mark.slow
def test_a_resumed_gaussian_process_proposes_the_same() -> None:
    whole = searched([series("gp", MIXED)], 16, objective)
    assert proposals(searched([series("gp", MIXED)], 16, objective, resumed_every=3)) == proposals(whole)


@pytest.mark.parametrize("sampler", ["tpe", "cmaes", "nsga2"])
def test_samplers_learn(sampler: Sampler) -> None:
    """Later trials are better than earlier ones: the study really hears what was found."""
    run = searched([series(sampler)], 60, objective)
    values = [point.result["accuracy"] for point in run.points if point.result]
    assert sum(values[-20:]) > sum(values[:10]) * 2  # all are negative


def test_series_are_independent_and_take_turns() -> None:
    both = [series("random"), series("tpe")]
    run = searched(both, 12, objective)
    assert [point.params["sampler"] for point in run.points[:4]] == ["random", "tpe", "random", "tpe"]
    alone = searched([series("tpe")], 12, objective)
    assert proposals(alone) == [params for params in proposals(run) if params["sampler"] == "tpe"]


def test_another_seed_proposes_something_else() -> None:
    one, other = (searched([series("random", seed=seed)], 5, objective) for seed in (1, 2))
    assert [p["x"] for p in proposals(one)] != [p["x"] for p in proposals(other)]


def test_a_grid_tries_every_combination_once() -> None:
    space = parse_space("a=1,2,3; b=x,y")
    run = searched([series("grid", space)], 99, lambda params: {"accuracy": params["a"]})
    assert sorted((p["a"], p["b"]) for p in proposals(run)) == [(a, b) for a in (1, 2, 3) for b in "xy"]
    with pytest.raises(InputError, match="every combination"):
        Studies(lambda: [series("grid", space)], lambda _: None).more(4, run)


def test_conditional_dimensions_exist_only_under_their_choice() -> None:
    run = searched(
        [series("tpe", CONDITIONAL)], 25, lambda params: {"accuracy": params.get("width", 32)}, resumed_every=4
    )
    assert {params["format"] for params in proposals(run)} == {"fp32", "fixed"}
    for params in proposals(run):
        assert ("width" in params) == (params["format"] == "fixed")
    assert proposals(run) == proposals(
        searched([series("tpe", CONDITIONAL)], 25, lambda params: {"accuracy": params.get("width", 32)})
    )


def test_a_trial_waits_for_those_before_it_but_as_many_as_run_beside_it() -> None:
    run = empty_run([series("random")], 5, devices=2)
    studies = Studies(lambda: [series("random")], lambda _: None)
    for index in (0, 1):
        params = studies.ask(index, run)
        assert params is not None
        run = changed(run, index, params=params, state="running")
    assert studies.ask(2, run) is None
    run = changed(run, 1, state="finished", result={"accuracy": 1.0})
    assert studies.ask(2, run) is None, "trial 0 is still running"
    run = changed(run, 0, state="failed")
    assert studies.ask(2, run) is not None
    assert studies.ask(2, run) == studies.ask(2, run), "asked again before it is recorded"


@pytest.mark.parametrize("sampler", ["tpe", "cmaes"])
def test_trials_by_hand_take_the_place_of_the_next(sampler: Sampler) -> None:
    def play(resumed_every: int) -> list[Mapping[str, Any]]:
        run = empty_run([series(sampler)], 16)
        studies = Studies(lambda: [series(sampler)], lambda _: None)
        index, params = studies.place({"x": 1.0, "y": 1, "z": 4}, run)
        assert index == 0
        run = changed(run, index, params=params)
        assert run.points[0].params == {
            "sampler": sampler,
            "seed": 3,
            "trial": 0,
            "x": 1.0,
            "y": 1,
            "z": 4,
            GIVEN: "by hand",
        }
        run = changed(run, 0, state="finished", result=objective(params))
        return proposals(searched([series(sampler)], 16, objective, run=run, resumed_every=resumed_every))

    assert play(0) == play(2)


def test_parameters_by_hand_are_checked() -> None:
    run = empty_run([series("random"), series("tpe")], 2)
    studies = Studies(lambda: [series("random"), series("tpe")], lambda _: None)
    assert studies.place({"sampler": "tpe", "x": 0.0, "y": 2, "z": 2}, run)[0] == 1
    for wrong, message in [
        ({"x": 9.0, "y": 2, "z": 2}, r"x cannot be 9\.0; it is one of -4\.0\.\.4\.0"),
        ({"x": 0.0, "y": 2, "z": 3}, "z cannot be 3"),
        ({"x": 0.0, "y": 2}, "z is missing"),
        ({"x": 0.0, "y": 2, "z": 2, "w": 1}, "w does not exist"),
        ({"sampler": "gp", "x": 0.0}, "no series"),
    ]:
        with pytest.raises(InputError, match=message):
            studies.place(wrong, run)
    done = searched([series("random")], 2, objective)
    index, params = Studies(lambda: [series("random")], lambda _: None).place({"x": 0.0, "y": 2, "z": 2}, done)
    assert (index, params["trial"]) == (2, 2)


def test_first_trials_are_as_told() -> None:
    first = ({"x": 1.0, "y": 2, "z": 4}, {"x": 2.0, "y": 4, "z": 6})
    run = searched([series("tpe", first=first)], 14, objective)
    assert [p["x"] for p in proposals(run)[:3]][:2] == [1.0, 2.0]
    assert proposals(run)[0][GIVEN] == "warm start"
    assert proposals(searched([series("tpe", first=first)], 14, objective, resumed_every=3)) == proposals(run)


def test_constraints_reach_the_sampler() -> None:
    """With a bound on what grows with y, TPE turns to small y; without one it does not care."""

    def by_y(params: Mapping[str, Any]) -> dict[str, float]:
        return {"accuracy": float(params["y"]), "bytes": 1e5 * params["y"]}

    bounded = searched([series("tpe", constraints=parse_constraints("bytes<=1MB"))], 50, by_y)
    free = searched([series("tpe")], 50, by_y)

    def kept(run: Any) -> int:
        return sum(params["y"] <= 10 for params in proposals(run)[20:])

    assert kept(bounded) > kept(free)


def test_several_objectives() -> None:
    goals = (Goal("accuracy"), Goal("bytes", maximize=False))
    whole = searched([series("tpe", goals=goals)], 20, objective)
    assert proposals(searched([series("tpe", goals=goals)], 20, objective, resumed_every=3)) == proposals(whole)


def test_failed_pruned_and_not_a_number() -> None:
    run = empty_run([series("tpe")], 6)
    studies = Studies(lambda: [series("tpe")], lambda _: None)
    ends = [
        {"state": "failed"},
        {"state": "pruned", "result": {"reports": [[1, 0.4], [2, 0.5]]}},
        {"state": "finished", "result": {"accuracy": math.nan}},
        {"state": "finished", "result": {"accuracy": 0.5}},
    ]
    for index, end in enumerate(ends):
        params = studies.ask(index, run)
        assert params is not None
        run = changed(run, index, params=params, **end)
    assert studies.ask(4, run) == Studies(lambda: [series("tpe")], lambda _: None).ask(4, run)


def test_the_test_set_is_looked_at_last() -> None:
    run = empty_run([series("random")], 2)
    run = replace(run, points=(*run.points, PointRecord(2, dict(TEST_POINT))))
    studies = Studies(lambda: [series("random")], lambda found: 1 if found.points[1].result else None)
    assert studies.ask(2, run) is None
    for index in (0, 1):
        params = studies.ask(index, run)
        assert params is not None
        run = changed(run, index, params=params, state="finished", result={"accuracy": index})
    assert studies.ask(2, run) == {"stage": "test", "chosen": 1}
    assert studies.more(1, run)[1:] == [], "the test that waits comes after these too"
    run = changed(run, 2, params={"stage": "test", "chosen": 1}, state="finished")
    assert studies.more(1, run) == [{"sampler": "random", "seed": 3, "trial": 2}, TEST_POINT]


def test_placeholders_stop_where_a_grid_ends() -> None:
    found = placeholders([series("grid", parse_space("a=1,2,3")), series("random")], 5)
    assert [params["sampler"] for params in found].count("grid") == 3
    assert len(found) == 8
