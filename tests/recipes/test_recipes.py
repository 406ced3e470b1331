"""Recipes: every file is one that can be started, and published values stand beside what a run measured."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from engine.experiments import registry, results
from engine.recipes import book, launching
from engine.recipes.book import Published, Recipe, Step
from engine.runtime.records import RunRecord
from engine.runtime.runs import read_run

PUBLISHED = (
    Published("float", 27.65, 0.01),
    Published("nearest, 4 bits", 37.28, 0.02, {"format": "int(4)", "mode": "ptq"}),
    Published("nearest, 3 bits", 1300.0, 0.02, {"format": "int(3)", "mode": "ptq"}),
)
SETTINGS = {"formats": "int(4),int(3)", "eval_samples": 20, "task": "causal-lm", "model": "builtin:lm"}
RECIPE = Recipe(
    "opt",
    "OPT",
    "A table.",
    (Step("quantize", "a table", SETTINGS, {"eval_samples": 10}, PUBLISHED),),
    "Somebody 2022, table 3",
    "Windows of 2,048 tokens.",
)


@pytest.mark.parametrize("name", book.names())
@pytest.mark.parametrize("offline", [False, True])
def test_each_can_be_started_and_its_published_points_are_among_its_own(name: str, offline: bool) -> None:
    recipe = book.get(name)
    assert recipe.title
    assert recipe.summary.endswith(".")
    for step in recipe.runs:
        experiment, config = launching.configured(step, {}, offline)
        points = list(experiment.points(config)) if experiment.study(config) is None else []
        assert step.settings.keys() <= registry.get(step.experiment).Config.settings().keys()
        assert step.offline.keys() <= registry.get(step.experiment).Config.settings().keys()
        if offline or not step.offline:
            model = getattr(config, "model", "builtin")
            assert model.startswith("builtin"), "offline it needs no network"
        for one in step.published:
            assert 0 < one.tolerance < 1
            assert recipe.source
            assert recipe.protocol
            if not offline and one.match is not None:
                match = one.match.items()
                assert sum(match <= point.items() for point in points) == 1, (one.label, points)


def test_an_unknown_name_has_a_near_one() -> None:
    with pytest.raises(InputError, match="There is no recipe 'lab-prunning'; did you mean lab-pruning"):
        book.get("lab-prunning")


def started(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, Any], offline: bool = False
) -> tuple[RunRecord, list[str]]:
    said: list[str] = []
    monkeypatch.setattr("engine.experiments.launch.control.start", lambda *_: None)
    monkeypatch.setattr("engine.experiments.launch.check", lambda _experiment, _config: [])
    (path,) = launching.start(RECIPE, values, offline=offline, say=said.append)
    return read_run(path), said


def test_a_run_keeps_the_published_values_and_loses_them_where_it_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    run, said = started(monkeypatch, {"device": "cpu", "seed": 1})
    assert said == []
    assert run.recipe["name"] == "opt"
    assert [one["value"] for one in run.recipe["published"]] == [27.65, 37.28, 1300.0]
    assert (run.config["eval_samples"], run.config["seed"]) == (20, 1)
    for values, offline, changed in (({"window": 64}, False, "window"), ({}, True, "offline")):
        run, said = started(monkeypatch, values, offline)
        assert run.recipe["published"] == []
        assert said == [f"published values are left out: they were not measured with {changed} changed"]
    assert run.config["eval_samples"] == 10
    with pytest.raises(InputError, match="sparsities: no run of the recipe opt has such a setting"):
        started(monkeypatch, {"sparsities": 0.5})


def scored(value: float) -> dict[str, Any]:
    measured = {"perplexity": value, "perplexity_low": value - 1, "perplexity_high": value + 1, "loss": 3.0}
    measured |= {"samples": 20, "bytes": 1000, "compression": 1.0, "bits": 4.0, "zeros": 0.0, "validation_samples": 20}
    measured |= {"validation_perplexity": value, "validation_error": 0.1}
    return measured | {"delta": 1.0, "delta_low": 0.5, "delta_high": 1.5}


def test_published_values_stand_in_the_table_the_findings_and_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    run, _ = started(monkeypatch, {})
    first = replace(run.points[0], state="finished", result=scored(37.5))
    run = replace(run, points=(first, run.points[1]), notes={"baseline": scored(29.0)})
    listing = results.listings(run)[0]
    assert listing.key == "published"
    rows = [(row["label"], row["published"], row["perplexity"], row["within"]) for row in listing.rows]
    assert rows == [
        ("float", 27.65, 29.0, "no"),
        ("nearest, 4 bits", 37.28, 37.5, "yes"),
        ("nearest, 3 bits", 1300.0, None, ""),
    ]
    assert listing.rows[1]["difference"] == pytest.approx(37.5 / 37.28 - 1)
    assert "Somebody 2022, table 3. Windows of 2,048 tokens." in listing.caption
    assert results.findings(run)[:2] == [
        "1 of 2 published values are met within their tolerance (Somebody 2022, table 3).",
        "float: 29.000 here, 27.650 published, beyond the 1 %.",
    ]
    scores, size = results.figures(run)[:2]
    marks = {mark.label: (mark.x, mark.y) for mark in scores.marks}
    assert marks["published: nearest, 4 bits"] == (4.0, 37.28)
    assert marks["published: float"][1] == 27.65
    assert ("published: nearest, 4 bits", 1000.0) in [(mark.label, mark.x) for mark in size.marks]
    assert not any("3 bits" in label for label in marks), "nothing is drawn before it is measured"
    assert results.document(run)["run"]["recipe"]["name"] == "opt"


def test_a_run_without_a_recipe_has_none_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run, _ = started(monkeypatch, {"window": 32})
    assert [one.key for one in results.listings(run)] == []
    assert results.findings(run) == []
