"""Steps from a format to the ones beside it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.formats import parse
from engine.formats.neighbours import other, wider
from engine.formats.registry import FAMILIES, NAMES

EXAMPLES = [kind.example for kind in FAMILIES.values()]


@pytest.mark.parametrize(
    ("spec", "above", "below"),
    [
        ("fixed(8,4)", "fixed(9,4)", "fixed(7,4)"),
        ("fixed(2)", "fixed(3)", None),
        ("fixed(32)", None, "fixed(31)"),
        ("minifloat(4,3)", "minifloat(4,4)", "minifloat(4,2)"),
        ("log(5)", "log(6)", "log(4)"),
        ("bfp(7,16)", "bfp(8,16)", "bfp(6,16)"),
        ("binary_residual(1)", "binary_residual(2)", None),
        ("mxfp4", "nvfp4", None),
        ("nvfp4(0.5)", "mxfp6_e3m2", "mxfp4"),
        ("mxint8(64)", None, "mxfp8_e4m3(64)"),
        ("binary", None, None),
        ("fp32", None, None),
        ("log(2,126)", "log(3,126)", None),
    ],
)
def test_wider_and_narrower(spec: str, above: str | None, below: str | None) -> None:
    assert wider(spec, 1) == above
    assert wider(spec, -1) == below


@pytest.mark.parametrize(
    ("spec", "above", "below"),
    [
        ("fixed(8,4)", "fixed(8,5)", "fixed(8,3)"),
        ("fixed(8)", None, None),
        ("minifloat(4,3)", "minifloat(5,3)", "minifloat(3,3)"),
        ("bfp(7,16)", "bfp(7,32)", "bfp(7,8)"),
        ("bfp(7,1)", "bfp(7,2)", None),
        ("mxint8(64)", "mxint8(128)", "mxint8(32)"),
        ("mxint8", None, None),
        ("ternary", None, None),
    ],
)
def test_the_other_argument(spec: str, above: str | None, below: str | None) -> None:
    assert other(spec, 1) == above
    assert other(spec, -1) == below


@given(st.sampled_from(EXAMPLES), st.lists(st.tuples(st.booleans(), st.sampled_from([-1, 1])), max_size=12))
def test_every_step_gives_a_format_or_nothing(spec: str, steps: list[tuple[bool, int]]) -> None:
    for first, step in steps:
        moved = (wider if first else other)(spec, step)
        if moved is not None:
            assert str(parse(moved)) == moved
            spec = moved


def test_all_families_but_float32_can_be_gone_through() -> None:
    assert len(NAMES) == len(FAMILIES) - 1
    assert "fp32" not in NAMES
