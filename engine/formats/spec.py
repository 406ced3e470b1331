"""Spec strings such as `bfp(7,16)`: their grammar, their bounds, and errors that show the place and a correct example.

    spec = name [ "(" argument { "," argument } ")" ]        argument = integer | number | word

Nothing here needs tensors: forms check a spec while it is typed.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import InputError

if TYPE_CHECKING:
    from engine.formats.base import Format


class SpecError(InputError):
    """A spec string that cannot be used; `position` counts its characters from 0."""

    def __init__(self, text: str, position: int, problem: str, example: str) -> None:
        super().__init__(f"{text!r}, position {position + 1}: {problem}; write for example {example}")
        self.position, self.problem, self.example = position, problem, example


@dataclass(frozen=True, slots=True)
class Spec:
    """A format's name and its arguments; `str` gives the spec string back.

    An argument that is no whole number is a float32, written with the fewest digits that give it back, or a word.
    """

    name: str
    args: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({','.join(map(_written, self.args))})" if self.args else self.name


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument with its bounds, both included: a whole number, or where it is `real` any number, as a float32.

    `widens`: more of it makes the format wider. `doubles`: neighbouring values are a factor of two apart.
    `fitted`: where it is left out, it is chosen from data. `word`: may stand in its place. `after`: there is such an
    argument only where this word stands before it.
    """

    name: str
    low: float
    high: float
    optional: bool = False
    widens: bool = False
    doubles: bool = False
    fitted: bool = False
    real: bool = False
    word: str = ""
    after: str = ""

    @property
    def takes(self) -> str:
        """What may be written for it."""
        return ("a number" if self.real else "an integer") + (f" or {self.word!r}" if self.word else "")

    @property
    def label(self) -> str:
        """Its name in a signature."""
        return f"{self.name}|{self.word}" if self.word else self.name

    def read(self, token: str) -> Any:
        """The value of a token; None where it is of another kind."""
        if self.word and token == self.word:
            return token
        if not re.fullmatch(_REAL if self.real else _INTEGER, token, re.ASCII):
            return None
        return float32(float(token)) if self.real else int(token)


_INTEGER, _REAL = r"[+-]?\d+", r"[+-]?\d+(\.\d*)?(e[+-]?\d+)?"


def float32(value: float) -> float:
    """The float32 nearest to a number; infinity beyond the largest."""
    try:
        nearest: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return nearest


def _written(value: Any) -> str:
    """An argument as text; nine digits always give a float32 back."""
    if not isinstance(value, float):
        return str(value)
    return next(text for digits in range(1, 10) if float32(float(text := f"{value:.{digits}g}")) == value)


def _no_rule(_: tuple[Any, ...]) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Menu:
    """How a search chooses among a family's formats.

    `lists` names what the family draws on, of `width`, `fraction`, `block` and `levels` in that order; `arguments`
    takes one value of each and gives the spec's arguments, or None where there is no such format. A fraction of None
    is fitted to the data.
    """

    lists: tuple[str, ...] = ()
    arguments: Callable[..., tuple[Any, ...] | None] = lambda *values: values


@dataclass(frozen=True, slots=True)
class Family:
    """One row of the table of formats: how the family is written, and what a spec of it is.

    `build` takes the arguments and gives the format. `rule` says what is wrong between arguments that are each within
    bounds. `ladder` names the families, from narrow to wide, among which this one has its place.
    """

    name: str
    summary: str
    example: str
    build: Callable[..., Format]
    arguments: tuple[Argument, ...] = ()
    rule: Callable[[tuple[Any, ...]], str | None] = _no_rule
    menu: Menu = Menu()
    ladder: tuple[str, ...] = ()

    @property
    def signature(self) -> str:
        """How it is written, optional arguments in brackets: `fixed(width[,fraction])`."""
        if not self.arguments:
            return self.name
        required = ",".join(a.label for a in self.arguments if not a.optional)
        optional = "".join(f"[,{a.label}]" for a in self.arguments if a.optional)
        return f"{self.name}({required}{optional})" if required else f"{self.name}[({optional[2:-1]})]"


EXPONENT, MANTISSA = Argument("exponent", 1, 7), Argument("mantissa", 1, 22, widens=True)
BLOCK = Argument("block", 1, 65536, doubles=True)
ROW, WHOLE = "row", "tensor"
"""What shares a scale in the place of a block: a row, which a spec does not write, or a whole tensor."""
SCALE = Argument("scale", 2.0**-126, 2.0**112, optional=True, fitted=True, real=True)
"""One float32 scale for a whole tensor: a normal number, under which codes of 16 bits stay finite."""
