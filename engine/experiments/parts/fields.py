"""Field types that a form and a command line write as short text."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator

_RANGE = re.compile(r"(-?\d+)\s*(?:-|\.\.)\s*(-?\d+)(?::(\d+))?")


def _whole_numbers(value: Any) -> Any:
    """Reads `2,4,8`, `2-8` and `2-32:2` (a range and its step), alone or mixed, as a tuple of whole numbers."""
    if isinstance(value, int):
        return (value,)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(
            number for item in value for number in (_whole_numbers(item) if isinstance(item, str) else (item,))
        )
    if not isinstance(value, str):
        return value
    numbers: list[int] = []
    for part in filter(None, re.split(r"[,\s]+", value.strip())):
        if match := _RANGE.fullmatch(part):
            low, high, step = int(match[1]), int(match[2]), int(match[3] or 1)
            if step < 1 or high < low:
                raise ValueError(f"the range {part!r} is empty; write the smaller number first, for example 2-32:2")
            numbers.extend(range(low, high + 1, step))
        elif re.fullmatch(r"-?\d+", part):
            numbers.append(int(part))
        else:
            raise ValueError(f"{part!r} is not a whole number; write numbers or ranges, for example 2,4,8 or 2-32:2")
    return tuple(numbers)


def _words(value: Any) -> Any:
    """Reads `a, b(1,2), c` as a tuple of words; commas inside brackets do not separate."""
    if not isinstance(value, str):
        return value
    return tuple(word.strip() for word in re.split(r"[,;\n](?![^()]*\))", value) if word.strip())


def unique(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values without repeats, in their order: a sweep runs no point twice."""
    return tuple(dict.fromkeys(values))


WholeNumbers = Annotated[tuple[int, ...], BeforeValidator(_whole_numbers)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
