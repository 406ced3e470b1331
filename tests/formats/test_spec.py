"""Spec strings: what is accepted round-trips, what is not is explained."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.formats import parse
from engine.formats.registry import FAMILIES, is_open, parse_spec, unfitted
from engine.formats.spec import SpecError

ALL = [kind.example for kind in FAMILIES.values()]


@pytest.mark.parametrize(
    "text",
    [
        *ALL,
        "fixed(8)",
        "fixed(8,-3)",
        "log(5)",
        "mxint8(64)",
        "binary_residual(1)",
        "nvfp4(0.1)",
        "int(8,tensor)",
        "uint(8,tensor,0.1,7)",
    ],
)
def test_spec_round_trips(text: str) -> None:
    assert str(parse_spec(text)) == text
    assert str(parse(text)) == text


def test_spaces_do_not_matter() -> None:
    assert str(parse_spec(" bfp ( 7 , 16 ) ")) == "bfp(7,16)"


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ("", 0, "name is missing"),
        ("fixed(8,", 8, "an integer is expected"),
        ("fixed", 5, "the width is missing"),
        ("fixed(0)", 6, "width must lie between 2 and 32, not 0"),
        ("fixed(8.5)", 6, "an integer is expected here, not '8.5'"),
        ("fixed(8 4)", 8, "',' or ')' is expected"),
        ("fixed(8,4", 9, "')' is expected"),
        ("fixed(8,4,2)", 10, "takes at most 2"),
        ("fixed(8,4)x", 10, "after the closing parenthesis"),
        ("fixed 8", 6, "unexpected '8'"),
        ("fixed(8,four)", 8, "not 'four'"),
        ("fixed(٣)", 6, "not '٣'"),
        ("fixed(" + "9" * 5000 + ")", 6, "width must lie between"),
        ("minifloat(0,3)", 10, "exponent must lie between"),
        ("bfp(7,0)", 6, "block must lie between"),
        ("bfp(7)", 5, "the block is missing"),
        ("binary(2)", 7, "takes no arguments"),
        ("log(5,200)", 6, "outside float32"),
        ("nvfp4(0)", 6, "scale must lie between 1.17549435e-38 and 5.19229686e+33"),
        ("nvfp4(1e999)", 6, "not inf"),
        ("nvfp4(a)", 6, "a number is expected here, not 'a'"),
        ("int(8,row)", 6, "an integer or 'tensor' is expected here, not 'row'"),
        ("int(8,32,0.5)", 9, "a scale stands only after 'tensor'"),
        ("uint(4,tensor,0.5,16)", 18, "the zero must lie between 0 and 15, not 16"),
        ("fixd(8)", 0, "no format is called 'fixd'"),
    ],
)
def test_a_wrong_spec_is_explained_at_its_place(text: str, position: int, said: str) -> None:
    with pytest.raises(SpecError, match="write for example") as caught:
        parse(text)
    assert isinstance(caught.value, InputError)
    assert isinstance(caught.value, ValueError)
    assert caught.value.position == position
    assert said in str(caught.value)
    example = str(caught.value).rsplit("write for example ", 1)[1]
    assert str(parse(example)) == example


@given(st.text(max_size=20) | st.sampled_from(ALL).flatmap(lambda s: st.text(max_size=3).map(lambda t: s[:-1] + t)))
def test_any_text_is_a_spec_or_a_spec_error(text: str) -> None:
    positions = []
    try:
        spec = parse_spec(text)
    except SpecError as error:
        positions = [error.position]
    else:
        assert parse_spec(str(spec)) == spec
    assert all(0 <= position <= len(text) for position in positions)


def test_parsing_needs_no_torch() -> None:
    code = "import sys, engine.formats.registry as r; r.parse_spec('bfp(7,16)'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "text",
    [
        "fixed(8)",
        "fixed(8,4)",
        "log(4)",
        "log(4,7)",
        "int(8)",
        "nf4(64)",
        "mxfp4",
        "fp32",
        "nvfp4",
        "nvfp4(0.1)",
        "int(8,tensor)",
        "uint(8,tensor,0.1,7)",
    ],
)
def test_a_spec_tells_what_its_format_leaves_open(text: str) -> None:
    assert is_open(parse_spec(text)) == parse(text).open


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("fixed(8,5)", "fixed(8)"),
        ("fixed(8)", "fixed(8)"),
        ("nvfp4(3.2e-05)", "nvfp4"),
        ("uint(8,tensor,0.5,17)", "uint(8,tensor)"),
        ("log(4,-3)", "log(4)"),
        ("bfp(7,16)", "bfp(7,16)"),
        ("fp32", "fp32"),
    ],
)
def test_a_spec_without_what_was_chosen_from_data(text: str, before: str) -> None:
    assert str(unfitted(parse_spec(text))) == before
