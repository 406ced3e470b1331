"""The settings of `quantize`: what they expand into, and what is refused in which words."""

from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from engine.experiments.launch import configure, parse_setting
from engine.experiments.quantize import pruning
from engine.experiments.quantize.measures import QuantizeParams
from engine.experiments.quantize.preparing import check


def expanded(**values: Any) -> list[dict[str, Any]]:
    experiment, config = configure("quantize", values)
    return [dict(point) for point in experiment.points(config)]


def formats(**values: Any) -> list[str]:
    return [point["format"] for point in expanded(**values)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"widths": "4,8"}, ["fixed(4)", "fixed(8)"]),
        ({"widths": "2-8:3"}, ["fixed(2)", "fixed(5)", "fixed(8)"]),
        ({"widths": [4, 4, 8]}, ["fixed(4)", "fixed(8)"]),
        ({"widths": 6}, ["fixed(6)"]),
        ({"widths": "4, 7", "fraction": "half"}, ["fixed(4,2)", "fixed(7,3)"]),
        ({"widths": "4,8", "fraction": 3}, ["fixed(4,3)", "fixed(8,3)"]),
        ({"widths": "4", "fraction": "-2"}, ["fixed(4,-2)"]),
        ({"formats": "fixed(8,6), fixed(4),fp32"}, ["fixed(8,6)", "fixed(4)", "fp32"]),
        ({"formats": "classifier=fp32; *=fixed(4), mxint8"}, ["classifier=fp32;*=fixed(4)", "mxint8"]),
        ({"formats": ["classifier=fp32;bfp(7, 16)"]}, ["classifier=fp32;*=bfp(7,16)"]),
        ({"integer_bits": "0,1", "fraction_bits": "2-3"}, ["fixed(3,2)", "fixed(4,3)", "fixed(4,2)", "fixed(5,3)"]),
    ],
)
def test_expansion(values: dict[str, Any], expected: list[str]) -> None:
    assert formats(**values) == expected


def test_caches_are_curves_of_their_own() -> None:
    points = expanded(formats="fp32", model="builtin:lm", kv="none,int(8),int(4,32)")
    assert [point["kv"] for point in points] == ["none", "int(8)", "int(4,32)"]
    assert "kv" not in expanded(formats="fp32", model="builtin:lm")[0]


def test_preparations_are_crossed_with_methods_and_modes() -> None:
    points = expanded(formats="int(4)", methods="nearest,gptq", modes="ptq,qat", prepare="none,smooth(0.50),awq")
    assert [(point["mode"], point.get("method"), point["prepare"]) for point in points] == [
        *(("ptq", method, how) for method in ("nearest", "gptq") for how in ("none", "smooth", "awq")),
        *(("qat", None, how) for how in ("none", "smooth", "awq")),
    ]
    assert "prepare" not in expanded(formats="int(4)")[0]
    assert QuantizeParams.from_record(points[4]).name == "int(4) PTQ gptq smooth"


def test_sparsities_are_curves_of_gptq_alone() -> None:
    points = expanded(formats="int(4)", methods="nearest,gptq,gptq_act_order", sparsity="0,0.50,2:4")
    assert [(point["method"], point.get("sparsity")) for point in points] == [
        ("nearest", None),
        *(("gptq", one) for one in ("0", "0.5", "2:4")),
        ("gptq_act_order", None),
    ]
    assert [QuantizeParams.from_record(point).curve for point in points[1:4]] == [
        "PTQ gptq",
        "PTQ gptq 0.5",
        "PTQ gptq 2:4",
    ]
    assert "sparsity" not in expanded(formats="int(4)", methods="gptq")[0]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"sparsity": "0.5"}, "sparsity prunes while gptq rounds: add gptq to methods, or prune before"),
        ({"sparsity": "0.5", "methods": "gptq_act_order"}, "add gptq to methods"),
        ({"sparsity": "1.5", "methods": "gptq"}, "a share from 0 to below 1; 1.5 is not"),
        ({"sparsity": "2:4", "methods": "gptq", "formats": "int(4),binary_scaled"}, "binary_scaled has no zero"),
    ],
)
def test_what_cannot_be_pruned_in_the_pass(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        configure("quantize", values)


def test_inputs_that_m_does_not_divide_are_said_before_the_start(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    save_file({"odd.weight": torch.zeros(4, 7), "even.weight": torch.zeros(4, 8)}, tmp_path / "model.safetensors")
    pruning.check(("0", "0.5"), str(tmp_path), ("Linear",), ())
    pruning.check(("2:4",), str(tmp_path), ("Linear",), ("odd",))
    with pytest.raises(InputError, match="odd has 7 inputs, which 4 does not divide; leave it out with skip"):
        pruning.check(("0.5", "2:4"), str(tmp_path), ("Linear",), ())


def test_what_cannot_be_prepared_is_said_before_the_start(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    save_file({"odd.weight": torch.zeros(4, 7), "even.weight": torch.zeros(4, 6)}, folder / "model.safetensors")
    (said,) = check(("none", "hadamard"), str(folder), ("Linear",), ())
    assert said == (
        "hadamard leaves 1 of 2 layers as they are (odd: 7 input channels, an odd number, have no block to rotate)"
    )
    assert check(("smooth",), str(folder), ("Linear",), ()) == check(("none",), str(folder), ("Linear",), ()) == []
    with pytest.raises(InputError, match="hadamard has nothing to rotate: odd: 7 input channels"):
        check(("hadamard",), str(folder), ("Linear",), ("even",))
    (folder / "compression.json").write_text('{"version": 1, "prepared": {"even": "awq"}}')
    with pytest.raises(InputError, match="even is prepared by awq at run time"):
        check(("smooth",), str(folder), ("Linear",), ())


def test_preparing_by_data_needs_a_train_set() -> None:
    for prepare, needed in (("smooth", "preparing by smooth or awq"), ("hadamard", "")):
        _, config = configure("quantize", {"prepare": prepare, "activations": "fp32"})
        assert config.needs_train == needed


def test_every_format_runs_in_every_mode_one_mode_after_the_other() -> None:
    points = expanded(widths="4,8", modes="ptq,qat")
    assert [(point["mode"], point["width"]) for point in points] == [("ptq", 4), ("ptq", 8), ("qat", 4), ("qat", 8)]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"kv": "int(8)"}, "kv rounds what a causal language model keeps, and the task is text-classification"),
        ({"kv": "fixed(8)", "model": "builtin:lm"}, "fixed(8) is fitted to data"),
        ({"kv": "int8", "model": "builtin:lm"}, "no format is called 'int8'"),
        ({"widths": "1,4"}, "a width lies between 2 and 32; 1 does not"),
        ({"widths": "8-4"}, "the range '8-4' is empty"),
        ({"widths": "four"}, "'four' is not a whole number"),
        ({"widths": ""}, "there is nothing to sweep"),
        ({"fraction": "third"}, "fraction"),
        ({"fraction": 99}, "fraction bits lie between -32 and 64; 99 does not"),
        ({"formats": "fixed(8,"}, "'fixed(8,', position 9: an integer is expected here; write for example fixed(8,4)"),
        ({"formats": "fixed(0)"}, "'fixed(0)', position 7: the width must lie between 2 and 32, not 0"),
        ({"formats": "minifloat(0,3)"}, "position 11: the exponent must lie between 1 and 7, not 0"),
        ({"formats": "bfp(7,0)"}, "position 7: the block must lie between 1 and 65536, not 0"),
        ({"formats": "fixed(8), classifier=fp32;*=fixd(4)"}, "'classifier=fp32;*=fixd(4)', position 19"),
        ({"activations": "*=fixed(0)"}, "'*=fixed(0)', position 9"),
        ({"formats": "fixd(8)"}, "fixd"),
        ({"formats": "fixed(8)", "widths": "4"}, "give widths, formats or a grid"),
        ({"integer_bits": "2"}, "a grid needs both"),
        ({"integer_bits": "20", "fraction_bits": "20"}, "sign, 20 integer and 20 fraction bits do not"),
        ({"modes": "ptq,qta"}, "modes"),
        ({"modes": ""}, "modes"),
        ({"prepare": "smooth(2)"}, "the α of smooth lies between 0 and 1; 2 does not"),
        ({"prepare": "none,awk"}, "no preparation is called 'awk'"),
        ({"prepare": ""}, "prepare"),
        ({"qat_steps": 5, "qat_epochs": 1}, "give qat_steps or qat_epochs, not both"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"widht": 4}, "widht: there is no such setting; did you mean widths?"),
        ({"zzz": 4}, "there is no such setting; the settings are"),
    ],
)
def test_refusal_names_the_field_and_the_way_out(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as error:
        configure("quantize", values)
    assert sentence in str(error.value)


def test_all_wrong_fields_are_named_at_once() -> None:
    with pytest.raises(InputError) as error:
        configure("quantize", {"widths": "1", "seed": -1})
    assert "widths:" in str(error.value)
    assert "seed must be" in str(error.value)


def test_unknown_experiment_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean quantize"):
        configure("quantise", {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("widths=4,8", ("widths", "4,8")),
        ("widths=[4, 8]", ("widths", [4, 8])),
        ("model=../models/bert", ("model", "../models/bert")),
        ("seed=3", ("seed", 3)),
        ('model="a b"', ("model", "a b")),
        ("formats=fixed(8)", ("formats", "fixed(8)")),
    ],
)
def test_settings_are_toml_or_text(text: str, expected: tuple[str, Any]) -> None:
    assert parse_setting(text) == expected


def test_setting_without_a_value_shows_how_it_is_written() -> None:
    with pytest.raises(InputError, match="widths=4,8"):
        parse_setting("widths")


def test_local_paths_are_kept_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    _, config = configure("quantize", {"model": "model", "data": "owner/name"})
    monkeypatch.chdir("/")
    assert config.model_dump()["model"] == str(tmp_path / "model")
    assert config.model_dump()["data"] == "owner/name"


def test_config_survives_the_way_through_json() -> None:
    experiment, config = configure("quantize", {"formats": "fixed(8,6)", "skip": "classifier", "fraction": "half"})
    assert experiment.Config.model_validate(config.model_dump(mode="json")) == config


def test_a_mix_goes_to_weights_inputs_and_biases_by_layer() -> None:
    from engine.experiments.quantize.run import _layer_formats

    experiment, config = configure("quantize", {"formats": "classifier=fp32;*=fixed(4)", "bias": "*=fixed(8)"})
    (point,) = experiment.points(config)
    formats = _layer_formats(config, point["format"])
    assert formats.weight == formats.activation == {"classifier": "fp32", "*": "fixed(4)"}
    assert formats.bias == {"*": "fixed(8)"}
    assert "classifier=fp32" in experiment.label(config)


@pytest.mark.parametrize("settings", [{"formats": "clasifier=fp32;*=fixed(4)"}, {"activations": "Linear=fixed(8)"}])
def test_a_mixs_pattern_that_fits_no_layer_is_refused_before_anything_starts(settings: dict[str, str]) -> None:
    experiment, config = configure("quantize", settings)
    with pytest.raises(InputError, match=r"no layer with a weight is called '(clasifier|Linear)'"):
        experiment.check(config)
