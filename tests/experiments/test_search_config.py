"""What a search refuses before any work starts, and what its space becomes."""

from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from engine.experiments.launch import configure
from engine.experiments.search import EXPERIMENT
from engine.experiments.search.architecture import fields_of, fitting, skipping
from engine.experiments.search.config import SearchConfig, searched
from engine.experiments.search.report import setting
from engine.models.fields import check_fields, model_fields
from engine.search.space import Space
from engine.search.space_text import parse_space


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"space": ""}, "the space is empty"),
        ({"space": "num_hidden_layers=2..1"}, "the range 2..1 is empty"),
        ({"space": "learning_rate=0.0..2.0"}, "learning_rate lies above 0"),
        ({"space": "batch_size=0,2"}, "batch_size is a whole number from 1 on"),
        ({"space": "num_hidden_layers=1,2; sparsity=0.5..1.0 step 0.5", "modes": "compress"}, "sparsity lies from 0"),
        ({"space": "num_hidden_layers=1,2; format=fixed(8)"}, "format is chosen only in the mode compress or tune"),
        (
            {"space": "num_hidden_layers=1,2; lora_rank=2,4", "modes": "compress"},
            "lora_rank is chosen only in the mode",
        ),
        ({"space": "num_hidden_layers=1,2; format=fixed(99)", "modes": "tune"}, "the width must lie between 2 and 32"),
        ({"space": "format=fixed(8),fixed(4)", "modes": "plain,compress"}, "the mode plain has nothing to choose"),
        ({"samplers": "grid"}, "a grid needs a step for learning_rate"),
        ({"samplers": "cmaes"}, "num_hidden_layers is a choice among values"),
        (
            {"samplers": "cmaes", "space": "num_hidden_layers=1..4; learning_rate=0.1..0.2", "against": "bytes"},
            "one obj",
        ),
        ({"samplers": "magic"}, "samplers: there is no choice 'magic'; the choices are"),
        ({"pruner": "median", "against": "bytes"}, "a pruner judges by accuracy alone"),
        ({"pruner": "median", "reports": 1}, "a pruner needs two reports"),
        ({"steps": 2, "reports": 4}, "2 steps cannot hold 4 reports"),
        ({"constraints": "bytes<=1MB, bytes>=2MB"}, "no trial can keep both"),
    ],
)
def test_what_is_wrong_is_told_at_once(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"(?i){message}"):
        configure("search", settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"space": "num_layers=1,2"},
            "the config of builtin has no field 'num_layers'; its fields are .*num_hidden",
        ),
        ({"space": "num_hidden_layers=0,2"}, "num_hidden_layers is a whole number from 1 on"),
        ({"space": "num_hidden_layers=1..99999999999"}, "num_hidden_layers is 2 here: 99,999,999,999 is more than 1"),
        ({"space": "num_hidden_layers=a,b"}, "num_hidden_layers is a whole number"),
        ({"space": "hidden_dropout_prob=a,b"}, "hidden_dropout_prob is a number"),
        ({"space": "hidden_size=65,67"}, "no combination of hidden_size is left: hidden_size must be a multiple"),
        ({"space": "num_hidden_layers=1,2", "skip": "*.nothing"}, "no layer with a weight is called"),
        (
            {"space": "hidden_size=64..128 step 64; num_attention_heads=2..4", "samplers": "cmaes"},
            "hidden_size/num_attention_heads is a choice",
        ),
        ({"model": "/nowhere"}, "/nowhere does not exist"),
    ],
)
def test_what_the_model_cannot_do_is_told_before_work_starts(settings: dict[str, Any], message: str) -> None:
    _, config = configure("search", settings)
    with pytest.raises(InputError, match=message):
        EXPERIMENT.check(config)


def test_a_bound_below_the_smallest_model_is_told(small_pair: dict[str, str]) -> None:
    settings = {**small_pair, "space": "num_hidden_layers=1,2; intermediate_size=8,16"}
    for constraints in ("parameters<=1K", "bytes<=1KB"):
        _, config = configure("search", {**settings, "constraints": constraints})
        with pytest.raises(InputError, match=f"no trial can keep {constraints}: the smallest model of the space has"):
            EXPERIMENT.check(config)
    _, config = configure("search", {**settings, "constraints": "bytes<=1MB, lost<=1"})
    EXPERIMENT.check(config)


def test_what_does_not_fit_together_is_excluded() -> None:
    space = fitting(parse_space("hidden_size=64,96,128; num_attention_heads=2,3,4; num_hidden_layers=1..3"), "builtin")
    assert all(one["hidden_size"] % one["num_attention_heads"] == 0 for one in space.product())
    assert len(space.product()) == (2 + 3 + 2) * 3
    alone = fitting(parse_space("num_attention_heads=1,2,3,4"), "builtin")
    assert alone.dimensions[0].values == (1, 2, 4), "the model's own width decides"


def test_modes_choose_what_they_use() -> None:
    written = "num_hidden_layers=1,2; format=fixed(8),fixed(4); sparsity=0.1,0.5; lora_rank=2,4"
    config = SearchConfig(space=written, modes=("plain", "compress", "tune"))
    assert searched(config, "plain").names == ("num_hidden_layers",)
    assert searched(config, "compress").names == ("num_hidden_layers", "format", "sparsity")
    assert searched(config, "tune").names == ("num_hidden_layers", "format", "sparsity", "lora_rank")
    assert fields_of(parse_space(written)) == ["num_hidden_layers"]


def test_square_layers_may_be_skipped() -> None:
    config = SearchConfig(space="num_hidden_layers=1,2", skip=("*.query", "*.dense"))
    names = searched(config, "plain").names
    assert "skip:bert.encoder.layer.1.attention.self.query" in names
    assert "skip:bert.pooler.dense" in names
    assert not any("intermediate" in name for name in names), "these are not square"


def test_every_series_has_the_same_seeds_and_budget() -> None:
    config = SearchConfig(
        space="num_hidden_layers=1,2,3; hidden_size=64,128", samplers=("random", "grid", "tpe"), seeds=2
    )
    series = EXPERIMENT.series(config)
    assert {one.seed for one in series if one.sampler == "tpe"} == {
        one.seed for one in series if one.sampler == "random"
    }
    points = EXPERIMENT.points(config)
    assert sum(point.get("sampler") == "grid" for point in points) == 2 * 6, "no combination twice"
    assert sum(point.get("sampler") == "tpe" for point in points) == 2 * config.trials


def test_the_fields_of_the_built_in_model_are_those_it_has(builtin: Path) -> None:
    from engine.store import load

    facts = load("builtin").model.config.to_dict()
    assert all(facts[name] == value for name, value in model_fields("builtin").items())


def test_fields_are_read_from_a_folder(small_pair: dict[str, str]) -> None:
    fields = model_fields(small_pair["model"])
    assert (fields["hidden_size"], fields["intermediate_size"]) == (16, 32)
    assert not {"vocab_size", "model_type", "pad_token_id", "transformers_version"} & set(fields)
    check_fields(small_pair["model"], [("hidden_size", 32), ("hidden_act", "relu"), ("hidden_dropout_prob", 0.2)])


def test_a_setting_in_a_line() -> None:
    params = {
        "sampler": "tpe",
        "mode": "plain",
        "seed": 0,
        "trial": 3,
        "layers": 2,
        "rate": 0.00012345,
        "given": "by hand",
    }
    left_out = dict.fromkeys(Space(tuple(skipping(["a.query", "b.query"]))).names, "identity")
    assert setting({**params, **left_out}) == "layers 2, rate 0.000123, without a.query, b.query"
