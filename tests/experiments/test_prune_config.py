"""The settings of `prune` and `finetune`: what they expand into, and what is refused in which words."""

from typing import Any

import pytest

from engine.errors import InputError
from engine.experiments.launch import configure


def expanded(experiment: str, **values: Any) -> list[dict[str, Any]]:
    found, config = configure(experiment, values)
    return [dict(point) for point in found.points(config)]


def test_prune_runs_each_method_from_little_to_much() -> None:
    points = expanded("prune", sparsities="0.9,0.1-0.3:0.1", methods="l1,random")
    assert [(point["method"], point["sparsity"]) for point in points] == [
        (method, sparsity) for method in ("l1", "random") for sparsity in (0.1, 0.2, 0.3, 0.9)
    ]


def test_the_default_is_random_against_l1_from_a_tenth_to_nine() -> None:
    points = expanded("prune")
    assert [point["sparsity"] for point in points] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] * 2
    assert {(point["granularity"], point["scope"]) for point in points} == {("weights", "layer")}


def test_n_of_m_has_its_own_sparsity_and_no_scope() -> None:
    points = expanded("prune", granularities="weights,n:m", scopes="layer,global", sparsities="0.5", methods="l1")
    assert [(point["granularity"], point["sparsity"], point["scope"]) for point in points] == [
        ("weights", 0.5, "layer"),
        ("weights", 0.5, "global"),
        ("2:4", 0.5, "layer"),
    ]
    (point,) = expanded("prune", granularities="n:m", pattern="1 : 8", methods="wanda")
    assert (point["granularity"], point["sparsity"]) == ("1:8", 0.875)


@pytest.mark.parametrize(
    ("values", "at_once"),
    [
        ({}, 32),
        ({"granularities": "weights", "methods": "l1,movement"}, 32),
        ({"granularities": "n:m", "finetune_epochs": "1"}, 32),
        ({"granularities": "weights,neurons"}, 1),
        ({"methods": "movement"}, 1),
        ({"schedule": "cubic"}, 1),
        ({"finetune_steps": "0"}, 1),
    ],
)
def test_a_task_has_several_points_where_they_fine_tune_masks(values: dict[str, Any], at_once: int) -> None:
    experiment, config = configure("prune", values)
    assert experiment.at_once(config) == at_once


def test_finetune_crosses_rates_with_methods_and_ranks() -> None:
    points = expanded("finetune", methods="full,lora", learning_rates="1e-4,1e-3", ranks="4,8")
    assert points == [
        {"method": "full", "learning_rate": 1e-4},
        {"method": "full", "learning_rate": 1e-3},
        {"method": "lora", "learning_rate": 1e-4, "rank": 4},
        {"method": "lora", "learning_rate": 1e-4, "rank": 8},
        {"method": "lora", "learning_rate": 1e-3, "rank": 4},
        {"method": "lora", "learning_rate": 1e-3, "rank": 8},
    ]


@pytest.mark.parametrize(
    ("experiment", "values", "sentence"),
    [
        ("prune", {"sparsities": "0.5,1"}, "a sparsity is a share from 0 to below 1; 1 is not"),
        ("prune", {"sparsities": "-0.1"}, "a sparsity is a share from 0 to below 1; -0.1 is not"),
        ("prune", {"sparsities": "90"}, "90 is not"),
        ("prune", {"sparsities": "nan"}, "nan is not"),
        ("prune", {"sparsities": "half"}, "'half' is not a number"),
        ("prune", {"sparsities": "0.9-0.1:0.1"}, "the range '0.9-0.1:0.1' is empty"),
        ("prune", {"sparsities": ""}, "sparsities"),
        ("prune", {"pattern": "5:4"}, "N lies between 1 and M; 5:4 does not say that"),
        ("prune", {"pattern": "0:4"}, "N lies between 1 and M; 0:4"),
        ("prune", {"pattern": "2/4"}, "'2/4' is not a pattern"),
        ("prune", {"methods": "l2"}, "methods"),
        ("prune", {"methods": "movement", "finetune_steps": 0}, "movement trains its scores during the fine-tuning"),
        ("prune", {"methods": "sparsegpt", "scopes": "global"}, "take scopes=layer with it"),
        ("prune", {"methods": "sparsegpt", "granularities": "heads"}, "sparsegpt prunes single weights"),
        ("prune", {"methods": "movement", "granularities": "n:m"}, "movement prunes single weights"),
        ("prune", {"threshold": 1}, "threshold"),
        ("prune", {"finetune_steps": 5, "finetune_epochs": 1}, "give finetune_steps or finetune_epochs, not both"),
        ("prune", {"schedule": "cubic", "granularities": "heads"}, "a cubic schedule prunes single weights"),
        ("prune", {"schedule": "cubic", "finetune_steps": 0}, "prunes during the fine-tuning"),
        ("finetune", {"learning_rates": "0.1,2"}, "a learning rate lies above 0 and not above 1; 2 does not"),
        ("finetune", {"ranks": "0"}, "a rank lies between 1 and 1024; 0 does not"),
        ("finetune", {"steps": 5, "epochs": 1}, "give steps or epochs, not both"),
        ("finetune", {"methods": ""}, "methods"),
        ("finetune", {"dropout": 1}, "dropout"),
    ],
)
def test_refusal_names_the_field_and_the_way_out(experiment: str, values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as error:
        configure(experiment, values)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("experiment", "values"),
    [("prune", {"layers": "*.querry"}), ("finetune", {"methods": "lora", "targets": "*.querry"})],
)
def test_a_pattern_that_matches_no_layer_is_refused_before_a_run_begins(
    experiment: str, values: dict[str, Any]
) -> None:
    found, config = configure(experiment, values)
    with pytest.raises(InputError, match=r"is called '\*\.querry'; the nearest are .*query"):
        found.check(config)


@pytest.mark.parametrize("experiment", ["prune", "finetune"])
def test_config_survives_the_way_through_json(experiment: str) -> None:
    found, config = configure(experiment, {"skip" if experiment == "prune" else "targets": "classifier"})
    assert found.Config.model_validate(config.model_dump(mode="json")) == config
