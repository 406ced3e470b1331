"""What values from a run's folder must look like: a bad disk, another program or an attack may have written them."""

import math
from typing import Any

LATEST_TIME = 253_402_300_799.0
"""The end of the year 9999 in Unix seconds: no calendar goes further."""
HIGHEST_POINT = 10**9
"""The index holds no whole number beyond 64 bits."""


def is_time(value: Any) -> bool:
    """Unix seconds."""
    return is_number(value) and 0 <= value <= LATEST_TIME


def is_point(value: Any) -> bool:
    """The number of a point."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= HIGHEST_POINT


def is_number(value: Any) -> bool:
    """A float, or a whole number of at most 64 bits."""
    return isinstance(value, float) or (isinstance(value, int) and abs(value) < 1 << 63 and not isinstance(value, bool))


def is_finite(value: Any) -> bool:
    """A number that is neither NaN nor infinite."""
    return is_number(value) and math.isfinite(value)


def is_name(value: Any) -> bool:
    """Text without lone surrogates, which have no encoding."""
    return isinstance(value, str) and (value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value))


def is_text(value: Any) -> bool:
    """Any text."""
    return isinstance(value, str)


def is_mapping(value: Any) -> bool:
    """A JSON object."""
    return isinstance(value, dict)


def are_mappings(value: Any) -> bool:
    """A list of JSON objects."""
    return isinstance(value, list) and all(map(is_mapping, value))


def are_points(value: Any) -> bool:
    """A list of point numbers."""
    return isinstance(value, list) and all(map(is_point, value))
