"""How a space is written: `hidden_size = 64, 128; learning_rate = 1e-5..1e-3 log`, or the same as a TOML table."""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from engine.search.space import Dimension, Range, Space, Value, described

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\s*\.\.\s*({_NUMBER})(?:\s+step\s+({_NUMBER}))?(\s+log)?")
_WORDS = re.compile(r",(?![^()]*\))")
_LINES = re.compile(r"[;\n]")
_EXAMPLE = "for example hidden_size=64,128; learning_rate=1e-5..1e-3 log"


AUTO = "auto"
"""Stands for a space that is made of the model's own sizes."""


def parse_space(text: str) -> Space:
    """The space that a text describes. Raises ValueError that says which part is wrong."""
    dimensions: list[Dimension] = []
    for part in filter(None, (piece.strip() for piece in _LINES.split(text))):
        name, sign, domain = (piece.strip() for piece in part.partition("="))
        if not sign or not name or not domain:
            raise ValueError(f"{part!r} is no dimension; write name=values, {_EXAMPLE}")
        if any(one.name == name for one in dimensions):
            raise ValueError(f"{name} stands twice in the space; name it once, with all its values")
        dimensions.append(Dimension(name, _domain(name, domain)))
    return Space(tuple(dimensions))


def write_space(space: Space) -> str:
    """The text that `parse_space` reads back."""
    return "; ".join(f"{one.name}={described(one.domain)}" for one in space.dimensions)


def _domain(name: str, text: str) -> Range | tuple[Value, ...]:
    if match := _RANGE.fullmatch(text):
        return _range(name, *match.groups())
    if ".." in text:
        raise ValueError(f"{name}: {text!r} is no range; write low..high, low..high step s, or low..high log")
    values = [parse_value(word.strip()) for word in _WORDS.split(text)]
    if "" in values:
        raise ValueError(f"{name}: a value is empty in {text!r}; write them with commas between")
    if len(set(map(str, values))) < len(values):
        raise ValueError(f"{name}: a value stands twice in {text!r}")
    return tuple(values)


def _range(name: str, low: str, high: str, step: str | None, log: str | None) -> Range:
    whole = all(number is None or re.fullmatch(r"[+-]?\d+", number) for number in (low, high, step))
    first, last = float(low), float(high)
    if not first < last or not math.isfinite(last):
        raise ValueError(f"{name}: the range {low}..{high} is empty; write the smaller number first")
    if log and first <= 0:
        raise ValueError(f"{name}: a log range begins above zero, not at {low}")
    if log and step:
        raise ValueError(f"{name}: a range has a step or is log, not both")
    if step and not 0 < float(step) <= last - first:
        raise ValueError(f"{name}: the step {step} does not fit between {low} and {high}")
    width = float(step) if step else 1.0 if whole and not log else None
    if width:
        last = first + math.floor((last - first) / width + 1e-9) * width
    return Range(first, last, width, bool(log), whole)


def parse_value(word: str) -> Value:
    """A switch, a whole number, a number, or a word, with or without quotes."""
    if word in ("true", "false"):
        return word == "true"
    if re.fullmatch(r"[+-]?\d+", word):
        return int(word)
    return float(word) if re.fullmatch(_NUMBER, word) else word.strip("\"'")


def _as_text(value: Any) -> Any:
    """A TOML table as text: lists are choices, texts are ranges, tables have low, high, step and log.

    `auto` stays what it is: what the model has.
    """
    if isinstance(value, str) and value.strip() == AUTO:
        return AUTO
    if not isinstance(value, Mapping):
        return write_space(parse_space(value)) if isinstance(value, str) else value
    return write_space(parse_space("; ".join(f"{name}={_domain_text(one)}" for name, one in value.items())))


def _domain_text(value: Any) -> str:
    if isinstance(value, Mapping):
        unknown = sorted(set(value) - {"low", "high", "step", "log"})
        if unknown or not {"low", "high"} <= set(value):
            raise ValueError(
                "a range has low and high, and may have step and log" + f" (not {', '.join(unknown)})" * bool(unknown)
            )
        step = f" step {value['step']}" if "step" in value else ""
        return f"{value['low']}..{value['high']}{step}{' log' if value.get('log') else ''}"
    if isinstance(value, list | tuple):
        return ",".join(str(one).lower() if isinstance(one, bool) else str(one) for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


SpaceText = Annotated[str, BeforeValidator(_as_text)]
"""A field that takes both and keeps the text."""
