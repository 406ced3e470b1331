"""Format families as conditional parameters."""

import pytest

from engine.experiments.mixed.config import MixedConfig
from engine.experiments.mixed.families import Lists, Menu, variants
from engine.formats import parse
from engine.formats.registry import FULL, NAMES
from engine.search.space import Space

LISTS = Lists(widths=(4, 8, 16, 32), fractions=(2, 4, 8), blocks=(16, 32), levels=(2, 3))


@pytest.mark.parametrize(
    ("family", "specs"),
    [
        ("fixed", {f"fixed({w},{f})" for w in (4, 8, 16, 32) for f in (2, 4, 8)}),
        ("minifloat", {"minifloat(1,2)", "minifloat(5,2)", "minifloat(3,4)", "minifloat(7,8)"}),
        ("minifloat_ieee", {"minifloat_ieee(5,2)", "minifloat_ieee(3,4)", "minifloat_ieee(7,8)"}),
        ("log", {"log(4)", "log(8)"}),
        ("bfp", {f"bfp({m},{b})" for m in (3, 7, 15) for b in (16, 32)}),
        (
            "block_minifloat",
            {f"block_minifloat({e},{m},{b})" for e, m in ((1, 2), (5, 2), (3, 4)) for b in (16, 32)},
        ),
        ("block_log", {f"block_log({w},{b})" for w in (4, 8) for b in (16, 32)}),
        ("binary_residual", {"binary_residual(2)", "binary_residual(3)"}),
        ("ternary", {"ternary"}),
        ("mxint8", {"mxint8"}),
    ],
)
def test_the_lists_give_each_family_its_formats(family: str, specs: set[str]) -> None:
    assert set(variants(family, LISTS).values()) == specs


@pytest.mark.parametrize("family", NAMES)
def test_every_format_is_as_wide_as_its_list_says(family: str) -> None:
    """A block's shared scale and a row's are extra: at most 2 bits an element here."""
    for choices, spec in variants(family, LISTS).items():
        width = dict(choices).get("width")
        if width is not None:
            assert width <= parse(spec).bits_per_element <= width + 2


def test_fitted_fractions_are_a_choice_of_their_own() -> None:
    lists = Lists((8,), (None, 4), (16,), (2,))
    assert list(variants("fixed", lists).values()) == ["fixed(8)", "fixed(8,4)"]
    menu = Menu(("fixed",), lists)
    assert menu.dimensions("a")[1].values == ("auto", 4)
    assert menu.spec("a", {"a": "fixed", "a.fixed.8.fraction": "auto"}) == "fixed(8)"
    assert menu.params("a", "fixed(8)") == {"a": "fixed", "a.fixed.8.fraction": "auto"}


@pytest.mark.parametrize("full", [True, False])
def test_every_combination_is_a_format_and_back(full: bool) -> None:
    menu = Menu(NAMES, LISTS, full)
    product = Space(tuple(menu.dimensions("layer"))).product()
    specs = [menu.spec("layer", params) for params in product]
    assert len(set(specs)) == len(specs) == sum(len(variants(one, LISTS)) for one in NAMES) + full
    assert [menu.params("layer", spec) for spec in specs] == product
    assert (FULL in specs) is full


def test_a_choice_of_one_is_none() -> None:
    assert Menu(("mxint8",), LISTS, full=False).dimensions("a") == []
    assert Menu(("mxint8",), LISTS, full=False).spec("a", {}) == "mxint8"
    assert [one.name for one in Menu(("log",), LISTS, full=False).dimensions("a")] == ["a.log.width"]
    assert Menu(("log",), LISTS).params("a", "fixed(8,4)") is None
    assert Menu(("fixed",), LISTS).params("a", "fixed(9,4)") is None


def test_a_scale_of_a_row_or_tensor_is_a_block_that_integers_have_alone() -> None:
    lists = Lists(widths=(8,), fractions=(2,), blocks=(16, "row", "tensor"), levels=(2,))
    assert list(variants("int", lists).values()) == ["int(8,16)", "int(8)", "int(8,tensor)"]
    assert list(variants("uint", lists).values()) == ["uint(8,16)", "uint(8)", "uint(8,tensor)"]
    assert list(variants("bfp", lists).values()) == ["bfp(7,16)"]
    assert list(variants("nvfp4", lists).values()) == ["nvfp4"]
    menu = Menu(("int",), lists)
    chosen = menu.params("layer", "int(8,tensor)")
    assert chosen == {"layer": "int", "layer.int.8.block": "tensor"}
    assert menu.spec("layer", chosen) == "int(8,tensor)"


def test_groups_are_numbers_ranges_and_words() -> None:
    assert MixedConfig(blocks="16-32:16,row, tensor").blocks == (16, 32, "row", "tensor")  # type: ignore[arg-type]
    assert MixedConfig(blocks=(16,)).blocks == (16,)
    with pytest.raises(ValueError, match="'rows' is no group; write numbers, row or tensor"):
        MixedConfig(blocks="16,rows")  # type: ignore[arg-type]


def test_a_layer_that_has_a_format_chooses_a_method_too() -> None:
    menu = Menu(("int", "mxfp4"), Lists((4,), (2,), (16,), (2,)), methods=("nearest", "gptq"))
    assert [(one.name, one.values, one.under) for one in menu.dimensions("a")] == [
        ("a", ("fp32", "int", "mxfp4"), ()),
        ("a.method", ("nearest", "gptq"), (("a", ("int", "mxfp4")),)),
    ]
    assert menu.method("a", {"a": "int", "a.method": "gptq"}) == "gptq"
    assert menu.params("a", "mxfp4") == {"a": "mxfp4", "a.method": "nearest"}
    assert menu.params("a", "fp32") == {"a": "fp32"}
    assert [one.name for one in Menu(("mxfp4",), LISTS, methods=("gptq",)).dimensions("a")] == ["a"]
