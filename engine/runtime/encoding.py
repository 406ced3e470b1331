"""Strict JSON that also carries NaN and infinity, as the strings `float:nan`, `float:inf` and `float:-inf`."""

import json
import math
from collections.abc import Mapping
from typing import Any

_SPECIAL = {"float:nan": math.nan, "float:inf": math.inf, "float:-inf": -math.inf}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else f"float:{value}"
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):  # NumPy scalars and tensors of one element
        return _plain(value.item())
    raise TypeError(f"{type(value).__name__} cannot be recorded: give numbers, strings, lists and mappings.")


def _revived(value: Any) -> Any:
    if isinstance(value, str):
        return _SPECIAL.get(value, value)
    if isinstance(value, list):
        return [_revived(item) for item in value]
    if isinstance(value, dict):
        return {key: _revived(item) for key, item in value.items()}
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not strict JSON")


_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
_DECODER = json.JSONDecoder(parse_constant=_refuse)
DEEPEST = 100
"""Lists and mappings inside each other; what is written here has fewer than ten."""


def _depth(value: Any) -> int:
    """How deeply lists and mappings are nested; counted no further than just beyond `DEEPEST`."""
    level, depth = [value], 0
    while depth <= DEEPEST and (level := [one for one in level if isinstance(one, dict | list)]):
        depth += 1
        level = [item for one in level for item in (one.values() if isinstance(one, dict) else one)]
    return depth


def dumps(value: Any) -> str:
    """One line of ASCII. Raises TypeError for what JSON has no form for."""
    return _ENCODER.encode(_plain(value))


def loads(text: str | bytes) -> Any:
    """The value `dumps` was given (tuples come back as lists). Raises ValueError for anything else."""
    plain = text if isinstance(text, str) else text.decode()
    try:
        value = _DECODER.decode(plain)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if plain.count("[") + plain.count("{") > DEEPEST and _depth(value) > DEEPEST:
        raise ValueError("nested too deeply")
    return _revived(value) if "float:" in plain else value
