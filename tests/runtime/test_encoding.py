import math

import numpy as np
import pytest

from engine.runtime.encoding import dumps, loads


@pytest.mark.parametrize("value", [None, True, 0, -1.5, "text", "nan", "Infinity", [1, [2.0]], {"a": {"b": []}}, 2**80])
def test_round_trip(value: object) -> None:
    assert loads(dumps(value)) == value


def test_special_values_are_strings_of_their_own_in_strict_json() -> None:
    text = dumps({"a": math.nan, "b": [math.inf, -math.inf]})
    assert text == '{"a":"float:nan","b":["float:inf","float:-inf"]}'
    back = loads(text)
    assert math.isnan(back["a"])
    assert back["b"] == [math.inf, -math.inf]


def test_numpy_scalars_are_numbers() -> None:
    assert dumps({"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True)}) == '{"a":0.5,"b":3,"c":true}'


def test_one_line_of_ascii() -> None:
    assert dumps("a\nb\ud800é").isascii()
    assert "\n" not in dumps("a\nb")


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "{", ""])
def test_only_strict_json_is_read(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        loads(text)


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(TypeError, match="set cannot be recorded"):
        dumps({"a": {1, 2}})
