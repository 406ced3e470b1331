from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from engine.search.constraints import parse_constraints
from engine.search.ended import export, importances
from engine.search.series import Goal, Series
from engine.search.space_text import parse_space
from tests.search.simulated import changed, searched

SPACE = parse_space("x=-4.0..4.0; y=1..8; kind=a,b")


def by_x(params: Mapping[str, Any]) -> dict[str, float]:
    return {"accuracy": -abs(params["x"] - 1), "bytes": 100.0 * params["y"]}


def series(sampler: Any, **settings: Any) -> Series:
    return Series({"sampler": sampler}, sampler, SPACE, 1, (Goal("accuracy"),), **settings)


def test_the_parameter_that_decides_is_found() -> None:
    both = [series("random"), series("tpe")]
    found = importances(both, searched(both, 40, by_x))
    assert next(iter(found)) == "x"
    assert found["x"] > 0.8
    assert sum(found.values()) == pytest.approx(1)
    assert importances(both, searched(both, 3, by_x)) == {}
    assert importances(both, searched(both, 20, lambda _: {"accuracy": 0.5})) == {}


def test_a_study_leaves_for_other_programs(tmp_path: Path) -> None:
    import optuna

    both = [series("random", constraints=parse_constraints("bytes<=400")), series("tpe")]
    run = searched(both, 6, by_x)
    run = changed(run, 2, state="pruned", result={"reports": [[1, 0.25], [2, 0.5]]})
    run = changed(run, 4, state="failed", result=None)
    url = f"sqlite:///{tmp_path / 'study.db'}"
    assert export(both, run, url) == ["s-0001 random", "s-0001 tpe"]
    study = optuna.load_study(study_name="s-0001 random", storage=url)
    trials = study.get_trials()
    assert [trial.state.name for trial in trials] == ["COMPLETE", "PRUNED", "FAIL", *["COMPLETE"] * 3]
    assert trials[1].intermediate_values == {1: 0.25, 2: 0.5}
    assert [trial.params["x"] for trial in trials] == [
        p.params["x"] for p in run.points if p.params["sampler"] == "random"
    ]
    assert trials[0].value == (run.points[0].result or {})["accuracy"]
    assert trials[0].constraints == {"bytes<=400": 100.0 * trials[0].params["y"] - 400}
    assert study.direction.name == "MAXIMIZE"
    with pytest.raises(InputError, match="holds studies of s-0001 already"):
        export(both, run, url)
    with pytest.raises(InputError, match="cannot be written"):
        export(both, run, "sqlite:////no/such/folder/study.db")
    with pytest.raises(InputError, match="cannot be written"):
        export(both, run, "nonsense")
