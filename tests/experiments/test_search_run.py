"""Searches from their first trial to the test set, with a tiny model."""

from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from engine.experiments import asking
from engine.experiments.search import EXPERIMENT
from engine.experiments.search.architecture import build, fitting, idle_dimensions, skipping
from engine.experiments.search.config import SearchConfig
from engine.experiments.search.trial import operations
from engine.runtime.runs import read_run
from engine.runtime.trials import pending
from engine.search.space import Space
from engine.search.space_text import parse_space
from engine.store import load
from tests.experiments.played import played

SMALL: dict[str, Any] = {"max_length": 24, "batch_size": 20, "steps": 12, "reports": 3, "tune_steps": 3}


def test_what_is_built_is_what_was_asked_for(small_pair: dict[str, str]) -> None:
    classifier = load(small_pair["model"])
    query = "bert.encoder.layer.1.attention.self.query"
    made = build(classifier, {"num_hidden_layers": 3, "intermediate_size": 8, f"skip:{query}": "identity"}, True, 0)
    assert made.facts["blocks"] == len(made.subject.model.bert.encoder.layer) == 3
    assert made.facts["parameters"] == sum(one.numel() for one in made.subject.model.parameters())
    assert made.skipped == (query,)
    assert made.subject.model.config.intermediate_size == 8
    kept = classifier.model.state_dict()["bert.encoder.layer.0.attention.self.key.weight"]
    assert made.subject.model.state_dict()["bert.encoder.layer.0.attention.self.key.weight"].equal(kept)
    assert 0 < made.facts["inherited"] < 1
    assert build(classifier, {}, True, 0).facts["inherited"] == 1
    assert build(classifier, {"num_hidden_layers": 1, f"skip:{query}": "identity"}, True, 0).skipped == ()
    with pytest.raises(InputError, match="no model can be built of this config"):
        build(classifier, {"num_attention_heads": 3}, True, 0)


def test_dimensions_that_change_nothing_are_found(small_pair: dict[str, str]) -> None:
    written = (
        "num_hidden_layers=1,2; hidden_size=16,32; num_attention_heads=2,4; hidden_act=gelu,relu; use_cache=true,false"
    )
    space = fitting(
        parse_space(f"{written}; initializer_range=0.02,0.2; hidden_dropout_prob=0.0,0.5"), small_pair["model"]
    )
    layers = ["bert.encoder.layer.1.attention.self.query", "classifier"]
    idle = idle_dimensions(load(small_pair["model"]), Space((*space.dimensions, *skipping(layers))))
    assert idle == ["use_cache", "skip:classifier"]


@pytest.mark.slow
def test_three_modes_to_the_test_set(small_pair: dict[str, str]) -> None:
    config = SearchConfig(
        space="num_hidden_layers=1,2; learning_rate=1e-3..1e-2 log; format=fixed(8),fixed(4); sparsity=0.2,0.4; "
        "lora_rank=2",
        modes=("plain", "compress", "tune"),
        skip=("*.1.*.query",),
        trials=2,
        against="operations",
        **SMALL,
        **small_pair,
    )
    run = played(EXPERIMENT, config)
    assert [point.state for point in run.points] == ["finished"] * 7
    for point in run.points[:-1]:
        result = point.result or {}
        assert result["blocks"] == point.params["num_hidden_layers"]
        assert result["operations"] > 0
        assert len(result["reports"]) == SMALL["reports"]
        assert "accuracy" not in result
        assert ("format" in point.params) == (point.params["mode"] != "plain")
        skips = [name.removeprefix("skip:") for name, value in point.params.items() if value == "identity"]
        assert sorted(skips) == sorted(result["skipped"] + result["not_skipped"])
        if "model" in result and (run.path / result["model"]).exists():
            again = load(str(run.path / result["model"])).model
            assert sum(one.numel() for one in again.parameters()) == result["parameters"]
    last = run.points[-1].result or {}
    assert last["accuracy_low"] <= last["accuracy"] <= last["accuracy_high"]
    assert {one.key for one in EXPERIMENT.figures(config, run)} >= {"progress", "bytes", "operations"}
    names = {one.name.split(",")[0] for one in EXPERIMENT.figures(config, run)[0].series}
    assert names == {"plain", "compress", "tune", "baseline"}
    assert EXPERIMENT.findings(config, run)


def test_a_pruned_trial_is_recorded_and_the_search_goes_on(
    small_pair: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    second = "engine.search.series.Trials.hopeless", lambda self, step, _: step == 2 and len(self._trials) == 2
    monkeypatch.setattr(*second)
    config = SearchConfig(space="learning_rate=1e-3..1e-2 log", pruner="median", trials=3, **SMALL, **small_pair)
    run = played(EXPERIMENT, config)
    assert [point.state for point in run.points] == ["finished", "pruned", "finished", "finished"]
    pruned = run.points[1].result or {}
    assert [step for step, _ in pruned["reports"]] == [1, 2]
    assert "validation_accuracy" not in pruned
    assert run.points[3].params["chosen"] in (0, 2)
    (curves,) = (one for one in EXPERIMENT.listings(config, run) if one.key == "curves")
    assert (curves.rows[0]["over"], curves.rows[0]["pruned"]) == (3, 1)


def test_constraints_decide_what_may_be_chosen(small_pair: dict[str, str]) -> None:
    config = SearchConfig(
        space="num_hidden_layers=1,2,3",
        samplers=("grid",),
        trials=3,
        constraints="parameters<=6K",
        **SMALL,
        **small_pair,
    )
    run = played(EXPERIMENT, config)
    kept = [point for point in run.points[:-1] if (point.result or {})["feasible"]]
    assert 0 < len(kept) < 3
    assert all(((point.result or {})["parameters"] <= 6000) == (point in kept) for point in run.points[:-1])
    assert run.points[run.points[-1].params["chosen"]] in kept
    broken = next(point for point in run.points[:-1] if point not in kept)
    assert "model" not in (broken.result or {})
    assert not (run.path / "artifacts" / "points" / str(broken.index)).exists()
    assert any("break a constraint" in text for text in EXPERIMENT.findings(config, run))


def test_operations_are_those_of_the_products(small_pair: dict[str, str]) -> None:
    classifier = load(small_pair["model"])
    one, two = (build(classifier, {"num_hidden_layers": count}, False, 0).subject.model for count in (1, 2))
    length, hidden, wide = 10, 16, 32
    products = 2 * length * (4 * hidden * hidden + 2 * hidden * wide) + 2 * 2 * length * length * hidden
    assert operations(two, length) - operations(one, length) == products
    assert operations(one, 10_000) == operations(one, 32), "no longer than the model reads"


def test_what_people_ask_is_checked_and_kept(small_pair: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Path] = []
    monkeypatch.setattr("engine.experiments.asking.control.start", started.append)
    config = SearchConfig(
        space="num_hidden_layers=1,2,3; hidden_act=gelu,relu", samplers=("grid",), **SMALL, **small_pair
    )
    run = played(EXPERIMENT, config, points=0)
    assert asking.suggestion(run.path) == ""
    asking.enqueue(run.path, asking.read_params("num_hidden_layers=3; hidden_act=relu"))
    assert started == [], "nobody has started it: it is interrupted, and stays so"
    assert len(pending(run.path)) == 1
    for text, message in [
        ("num_hidden_layers=9; hidden_act=relu", "num_hidden_layers cannot be 9; it is one of 1, 2, 3"),
        ("num_hidden_layers=2", "hidden_act is missing"),
        ("mode=tune; num_hidden_layers=2; hidden_act=relu", "no series of this run"),
        ("num_hidden_layers", "a parameter is written name=value"),
    ]:
        with pytest.raises(InputError, match=message):
            asking.enqueue(run.path, asking.read_params(text))
    with pytest.raises(InputError, match="1 or more"):
        asking.extend(run.path, 0)
    assert len(pending(run.path)) == 1
    assert read_run(run.path).state == "interrupted"
