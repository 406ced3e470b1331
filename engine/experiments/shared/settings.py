"""Field types that a form and a command line write as short text."""

import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from engine.formats.mix import parse_mix, write_mix
from engine.formats.spec import ROW, WHOLE

_SPAN = re.compile(r"([\d.]+)-([\d.]+):([\d.]+)")
_FORMAT = re.compile(r"(?:\([^)]*\)?|[^,\n(])+")  # a bracket that is never closed holds all that follows
_RANGE = re.compile(r"(-?\d+)\s*(?:-|\.\.)\s*(-?\d+)(?::(\d+))?")
MOST = 10_000
"""Numbers that one range may stand for: more is a slip of the hand, and listing them would fill the memory."""


def bare(value: Any) -> Any:
    """The text of a list without its square brackets: TOML reads `[4, 6]` and leaves `[ptq, qat]` as it stands."""
    if isinstance(value, str) and (text := value.strip()).startswith("[") and text.endswith("]"):
        return text[1:-1] if "[" not in text[1:-1] else value
    return value


def _numbers_of(value: Any, read: Callable[[str], list[Any]]) -> Any:
    """A tuple of numbers: `read` makes them of a text, alone or in a list."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (value,)
    if isinstance(value, list | tuple):
        return tuple(number for item in value for number in (read(item) if isinstance(item, str) else (item,)))
    return tuple(read(bare(value))) if isinstance(value, str) else value


def _whole_numbers(value: Any) -> Any:
    """Reads `2,4,8`, `2-8` and `2-32:2` (a range and its step), alone or mixed, as a tuple of whole numbers."""
    return _numbers_of(value, _read_whole)


def _read_whole(text: str) -> list[Any]:
    numbers: list[int] = []
    for part in _parts(text):
        if match := _RANGE.fullmatch(part):
            low, high, step = int(match[1]), int(match[2]), int(match[3] or 1)
            if step < 1 or high < low:
                raise ValueError(f"the range {part!r} is empty; write the smaller number first, for example 2-32:2")
            _check_length(part, (high - low) // step + 1)
            numbers.extend(range(low, high + 1, step))
        elif re.fullmatch(r"-?\d+", part):
            numbers.append(int(part))
        else:
            raise ValueError(f"{part!r} is not a whole number; write numbers or ranges, for example 2,4,8 or 2-32:2")
    return numbers


def _groups(value: Any) -> Any:
    """Reads `16, 32, row, tensor` as a tuple: whole numbers, and what stands for a group of that size."""
    return _numbers_of(value, _read_groups)


def _read_groups(text: str) -> list[Any]:
    groups: list[Any] = []
    for part in _parts(text):
        if part.isalpha() and part not in (ROW, WHOLE):
            raise ValueError(f"{part!r} is no group; write numbers, {ROW} or {WHOLE}, for example 16,{WHOLE}")
        groups += [part] if part.isalpha() else _read_whole(part)
    return groups


def _numbers(value: Any) -> Any:
    """Reads `1e-4, 3e-5` and `0.1-0.9:0.2` (a range and its step), alone or mixed, as a tuple of numbers."""
    return _numbers_of(value, _read_numbers)


def _read_numbers(text: str) -> list[Any]:
    numbers: list[float] = []
    for part in _parts(text):
        if match := _SPAN.fullmatch(part):
            low, high, step = map(_number, match.groups())
            if step <= 0 or high < low:
                raise ValueError(f"the range {part!r} is empty; write the smaller number first, as in 0.1-0.9:0.2")
            length = (high - low) / step + 1 + 1e-9  # infinite where a step is below what a float can divide by
            _check_length(part, length)
            numbers += (round(low + i * step, 10) for i in range(int(length)))
        else:
            numbers.append(_number(part))
    return numbers


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number; write numbers or ranges: 0.3,0.5 or 0.1-0.9:0.2") from None


def _check_length(part: str, length: float) -> None:
    """Raises ValueError for a range of more numbers than any sweep has."""
    if length > MOST:
        raise ValueError(f"the range {part!r} has more than {MOST:,} numbers; give it a larger step, or an earlier end")


def _parts(text: str) -> Iterator[str]:
    return filter(None, re.split(r"[,\s]+", text.strip()))


def _words(value: Any) -> Any:
    """Reads `a, b(1,2), c` as a tuple of words; commas inside brackets do not separate."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value := bare(value), str):
        return value
    return tuple(word.strip() for word in re.split(r"[,;\n](?![^()]*\))", value) if word.strip())


def _formats(value: Any) -> Any:
    """Reads `fixed(8,6), classifier=fp32;*=mxfp4` as a tuple of formats: a semicolon joins the parts of a mix."""
    if not isinstance(value := bare(value), str):
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


Groups = Annotated[tuple[int | str, ...], BeforeValidator(_groups)]
"""How many elements share a scale, or the words for a row and a whole tensor."""
WholeNumbers = Annotated[tuple[int, ...], BeforeValidator(_whole_numbers)]
Numbers = Annotated[tuple[float, ...], BeforeValidator(_numbers)]
SPLIT = BeforeValidator(_words)
"""For `Annotated[tuple[Literal[...], ...], SPLIT]`: several of some choices, written with commas."""
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
FormatText = Annotated[str, AfterValidator(_format_or_none)]
Formats = Annotated[tuple[Annotated[str, AfterValidator(_format)], ...], BeforeValidator(_formats)]
