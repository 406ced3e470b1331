"""Lists as people write them: with commas, with square brackets, as TOML."""

from typing import Annotated, Any, get_origin

import pytest
from pydantic import TypeAdapter

from engine.experiments import registry
from engine.experiments.api import ExperimentConfig
from engine.experiments.launch import configure, parse_setting

LISTS = [
    (name, key)
    for name in registry.NAMES
    for key, field in registry.get(name).Config.settings().items()
    if get_origin(field.annotation) is tuple
]


def read(name: str, key: str, text: str) -> Any:
    field = registry.get(name).Config.settings()[key]
    adapter = TypeAdapter(Annotated[field.annotation, *field.metadata], config=ExperimentConfig.model_config)
    return adapter.validate_python(parse_setting(f"{key}={text}")[1])


@pytest.mark.parametrize(("name", "key"), LISTS)
def test_a_list_in_brackets_is_the_list(name: str, key: str) -> None:
    default = registry.get(name).Config.settings()[key].default or EXAMPLES.get((name, key), EXAMPLES.get(("", key)))
    plain = ",".join(map(str, default))
    expected = read(name, key, plain)
    assert expected
    assert read(name, key, f"[{plain}]") == expected
    assert read(name, key, f" [ {plain} ] ") == expected
    assert read(name, key, str([str(value) for value in default])) == expected


@pytest.mark.parametrize("name", registry.NAMES)
def test_a_label_is_its_key_with_spaces(name: str) -> None:
    for key, field in registry.get(name).Config.settings().items():
        assert str(field.title).lower() == key.replace("_", " ")


EXAMPLES: dict[tuple[str, str], tuple[Any, ...]] = {
    ("", "layers"): ("Linear", "Embedding"),
    ("", "integer_bits"): (2, 3),
    ("", "fraction_bits"): (4, 6),
    ("", "formats"): ("fixed(8,6)", "classifier=fp32;*=mxint8"),
    ("", "skip"): ("classifier", "*.attention.*"),
    ("", "targets"): ("query", "value"),
    ("", "teacher"): ("none", "start"),
    ("", "kv"): ("none", "int(4,32)"),
    ("", "engines"): ("eager", "eager-bf16"),
    ("", "sequences"): (64, 128),
    ("graph", "passes"): ("remove_dropout", "quantize_linear(fixed(8))"),
    ("profile", "blocks"): ("mlp", "attention"),
}


@pytest.mark.parametrize(
    ("text", "values"),
    [("[4,6]", (4, 6)), ("['2-8:2', '16']", (2, 4, 6, 8, 16)), ("[2-4]", (2, 3, 4)), ("6", (6,))],
)
def test_ranges_may_stand_in_a_list(text: str, values: tuple[int, ...]) -> None:
    assert read("quantize", "widths", text) == values


def test_numbers_are_text_where_text_is_due() -> None:
    assert read("mixed", "fraction_bits", "4") == ("4",)
    _, config = configure("quantize", dict([parse_setting("model=2024"), parse_setting("skip=12")]))
    assert (config.model, config.skip) == ("2024", ("12",))  # type: ignore[attr-defined]


def test_brackets_inside_stay() -> None:
    assert read("quantize", "skip", "bert.encoder.layer.[01].*,classifier") == (
        "bert.encoder.layer.[01].*",
        "classifier",
    )
    assert read("quantize", "skip", "[01]*,*[ab]") == ("[01]*", "*[ab]")


@pytest.mark.parametrize(
    ("name", "key", "text"),
    [
        ("quantize", "widths", "2-1000000000"),
        ("mixed", "blocks", "1-99999999999999999999"),
        ("prune", "sparsities", "0.1-0.9:0.00000000001"),
        ("prune", "sparsities", f"0.1-0.9:0.{'0' * 320}1"),
    ],
)
def test_a_range_is_bounded_before_it_is_listed(name: str, key: str, text: str) -> None:
    """A form reads it after each key: a range of a thousand million numbers stopped the app."""
    with pytest.raises(ValueError, match=r"has more than 10,000 numbers|is empty"):
        read(name, key, text)


def test_a_range_of_what_are_no_numbers_is_reported() -> None:
    with pytest.raises(ValueError, match=r"'0\.1\.2' is not a number; write numbers or ranges"):
        read("prune", "sparsities", "0.1.2-0.9:0.1")
