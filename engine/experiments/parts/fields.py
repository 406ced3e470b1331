"""Field types that a form and a command line write as short text."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from engine.formats.mix import parse_mix, write_mix

_SPAN = re.compile(r"([\d.]+)-([\d.]+):([\d.]+)")
_FORMAT = re.compile(r"(?:\([^)]*\)?|[^,\n(])+")  # a bracket that is never closed holds all that follows
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


def _numbers(value: Any) -> Any:
    """Reads `1e-4, 3e-5` and `0.1-0.9:0.2` (a range and its step), alone or mixed, as a tuple of numbers."""
    if isinstance(value, int | float):
        return (value,)
    if not isinstance(value, str):
        return value
    numbers: list[float] = []
    for part in filter(None, re.split(r"[,\s]+", value.strip())):
        if match := _SPAN.fullmatch(part):
            low, high, step = (float(text) for text in match.groups())
            if step <= 0 or high < low:
                raise ValueError(f"the range {part!r} is empty; write the smaller number first, as in 0.1-0.9:0.2")
            numbers += (round(low + i * step, 10) for i in range(int((high - low) / step + 1 + 1e-9)))
            continue
        try:
            numbers.append(float(part))
        except ValueError:
            raise ValueError(f"{part!r} is not a number; write numbers or ranges: 0.3,0.5 or 0.1-0.9:0.2") from None
    return tuple(numbers)


def _words(value: Any) -> Any:
    """Reads `a, b(1,2), c` as a tuple of words; commas inside brackets do not separate."""
    if not isinstance(value, str):
        return value
    return tuple(word.strip() for word in re.split(r"[,;\n](?![^()]*\))", value) if word.strip())


def _formats(value: Any) -> Any:
    """Reads `fixed(8,6), classifier=fp32;*=mxfp4` as a tuple of formats: a semicolon joins the parts of a mix."""
    if not isinstance(value, str):
        return value
    return tuple(word.strip() for word in _FORMAT.findall(value) if word.strip())


def _format(text: str) -> str:
    """A spec or a mix as it is always written."""
    return write_mix(parse_mix(text))


def _format_or_none(text: str) -> str:
    """The same; empty stays empty."""
    return _format(text) if text.strip() else ""


def unique(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values without repeats, in their order: a sweep runs no point twice."""
    return tuple(dict.fromkeys(values))


WholeNumbers = Annotated[tuple[int, ...], BeforeValidator(_whole_numbers)]
Numbers = Annotated[tuple[float, ...], BeforeValidator(_numbers)]
SPLIT = BeforeValidator(_words)
"""For `Annotated[tuple[Literal[...], ...], SPLIT]`: several of some choices, written with commas."""
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
FormatText = Annotated[str, AfterValidator(_format_or_none)]
Formats = Annotated[tuple[Annotated[str, AfterValidator(_format)], ...], BeforeValidator(_formats)]
