"""The filter language of tables: words, fields, comparisons.

All terms must hold; `|` inside a term means either:

    bert quantize             words, anywhere in what is searched
    -failed  -state:paused    without
    state:running|queued      a field
    acc>=0.8  bytes<1M        a number (`acc` finds `accuracy`); k, M, G and % scale it
    "two words"               quoted
"""

import math
import operator
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

_Thing = TypeVar("_Thing")

_COMPARE = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_TERM = re.compile(r'(?:[^\s"]|"[^"]*"?)+')
_EITHER = re.compile(r'(?:[^|"]|"[^"]*"?)+')
_COMPARISON = re.compile(r"([a-z]\w*)(>=|<=|!=|>|<|=)(.*)", re.IGNORECASE)
_SCALED = re.compile(r"([-+.\de]+)([kmg%]?)", re.IGNORECASE)
_FIELD = re.compile(r"([a-z]\w*):(.*)")
_SCALE = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "%": 1e-2}


@dataclass(frozen=True)
class Language(Generic[_Thing]):
    """How the filtered things are asked: all their words in lower case, the text of a field, their numbers by name."""

    fields: Collection[str]
    words: Callable[[_Thing], str]
    text: Callable[[_Thing, str], str]
    numbers: Callable[[_Thing], Mapping[str, float]]

    def parse(self, text: str) -> Callable[[_Thing], bool]:
        """What `text` asks for, as a test. Any text means something: a half-typed term is a word."""
        terms = [self._term(term) for term in _TERM.findall(re.sub(r"\s*\|\s*", "|", text.lower()))]
        return lambda thing: all(term(thing) for term in terms)

    def named(self, text: str) -> Iterator[tuple[str, str]]:
        """What the text asks by name, with the value: fields, known or not, and numbers. Quoted text names nothing.

        A number's value is what it is compared with, as it was typed.
        """
        for term in _TERM.findall(re.sub(r"\s*\|\s*", "|", text.lower())):
            name = ""
            for part in _EITHER.findall(term.removeprefix("-")):
                if match := _FIELD.fullmatch(part):
                    name, part = match[1], match[2]
                    yield f"{name}:", part.replace('"', "")
                elif match := _COMPARISON.fullmatch(part):
                    name = ""
                    yield match[1], match[3]
                elif name in self.fields and name:
                    yield f"{name}:", part.replace('"', "")

    def _term(self, text: str) -> Callable[[_Thing], bool]:
        without = text.startswith("-") and len(text) > 1
        field = ""
        either: list[Callable[[_Thing], bool]] = []
        for part in _EITHER.findall(text.removeprefix("-") if without else text):
            name, colon, rest = part.partition(":")
            if colon and name in self.fields:
                field, part = name, rest
            either.append(self._field(field, part.replace('"', "")) if field else self._bare(part))
        return lambda thing: (not either or any(one(thing) for one in either)) != without

    def _field(self, name: str, value: str) -> Callable[[_Thing], bool]:
        return lambda thing: value in self.text(thing, name).lower()

    def _bare(self, text: str) -> Callable[[_Thing], bool]:
        match = _COMPARISON.fullmatch(text)
        if match and (bound := number(match[3])) is not None:
            key, sign = match[1], match[2]
            return lambda thing: any(_COMPARE[sign](value, bound) for value in _meant(self.numbers(thing), key))
        word = text.replace('"', "")
        return lambda thing: word in self.words(thing)


def number(text: str) -> float | None:
    """What a comparison's right side stands for: `0.8`, `1M`, `80%`; None where it is no number."""
    match = _SCALED.fullmatch(text)
    try:
        return float(match[1]) * _SCALE[match[2].lower()] if match else None
    except ValueError:
        return None


def _meant(numbers: Mapping[str, float], key: str) -> list[float]:
    """The numbers that `key` means: the exact name's, else those of the one whose name begins with it; never NaN."""
    known = {name.lower(): value for name, value in numbers.items()}
    found = meant(known, key)
    return [known[found]] if found is not None and not math.isnan(known[found]) else []


def meant(names: Collection[str], key: str) -> str | None:
    """The name in lower case that `key` is, or is the beginning of; None where there is none."""
    return key if key in names else next((name for name in sorted(names) if name.startswith(key)), None)
