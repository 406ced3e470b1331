"""Mixes of formats by layer name: what is accepted round-trips, what is not is explained at its place."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.formats import parse
from engine.formats.mix import EXAMPLE, parse_mix, patterns, write_mix
from engine.formats.registry import FAMILIES
from engine.formats.spec import SpecError


@pytest.mark.parametrize("text", [EXAMPLE, "fixed(8,4)", "*=mxint8", "a.*.b=bfp(7,16);[cd]?=fp32;*=log(4)"])
def test_a_mix_round_trips(text: str) -> None:
    assert write_mix(parse_mix(text)) == text


def test_a_spec_alone_is_for_every_other_layer_and_spaces_do_not_matter() -> None:
    assert parse_mix(" classifier = fp32 ; bfp( 7,16 ) ") == {"classifier": "fp32", "*": "bfp(7,16)"}
    assert patterns("classifier=fp32;fixed(4)") == ("classifier", "*")
    assert patterns("fixed(4)") == ()


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ("classifier=fp32;*=fixd(4)", 18, "no format is called 'fixd'"),
        ("classifier=fp32; * = fixed(8,", 29, "an integer is expected"),
        ("classifier=fixed(0);*=fixed(4)", 17, "width must lie between"),
        ("classifier=;*=fixed(4)", 11, "a format's name is missing"),
        ("=fixed(4)", 0, "one pattern, =, and a format"),
        ("a=b=fixed(4)", 0, "one pattern, =, and a format"),
        ("classifier=fp32;", 16, "a part of the mix is empty"),
        ("fixed(4);classifier=fp32", 0, "a pattern and = are missing before 'fixed(4)'"),
        ("a=fp32; a=fixed(4)", 8, "'a' has a format already"),
    ],
)
def test_a_wrong_mix_is_explained_at_its_place(text: str, position: int, said: str) -> None:
    with pytest.raises(SpecError, match="write for example") as caught:
        parse_mix(text)
    assert caught.value.position == position
    assert said in str(caught.value)
    parse_mix(str(caught.value).rsplit("write for example ", 1)[1])


NAMES = st.text("abc.*?[]0", min_size=1, max_size=6)


@given(st.dictionaries(NAMES, st.sampled_from([kind.example for kind in FAMILIES.values()]), min_size=1, max_size=4))
def test_any_mapping_can_be_written_and_read(mix: dict[str, str]) -> None:
    assert parse_mix(write_mix(mix)) == mix


@given(st.text("ab=;*() fixed84,", max_size=24))
def test_any_text_is_a_mix_or_a_spec_error(text: str) -> None:
    positions = []
    try:
        mix = parse_mix(text)
    except SpecError as error:
        positions = [error.position]
    else:
        for spec in [mix] if isinstance(mix, str) else mix.values():
            assert str(parse(spec)) == spec
        assert parse_mix(write_mix(mix)) == mix
    assert all(0 <= position <= len(text) for position in positions)


def test_reading_a_mix_needs_no_torch() -> None:
    code = "import sys, engine.formats.mix as m; m.parse_mix('a=bfp(7,16)'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
