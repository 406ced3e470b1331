"""Spec strings such as `bfp(7,16)`: their grammar, their bounds, and errors that show the place and a correct example.

    spec = name [ "(" integer { "," integer } ")" ]

Nothing here needs tensors: forms check a spec while it is typed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    """A format's name and its arguments; `str` gives the spec string back."""

    name: str
    args: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({','.join(map(str, self.args))})" if self.args else self.name


@dataclass(frozen=True, slots=True)
class Argument:
    """One integer argument with its bounds, both included.

    `widens`: more of it makes the format wider. `doubles`: neighbouring values are a factor of two apart.
    `fitted`: where it is left out, it is chosen from data.
    """

    name: str
    low: int
    high: int
    optional: bool = False
    widens: bool = False
    doubles: bool = False
    fitted: bool = False


def _no_rule(_: tuple[int, ...]) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Menu:
    """How a search chooses among a family's formats.

    `lists` names what the family draws on, of `width`, `fraction`, `block` and `levels` in that order; `arguments`
    takes one value of each and gives the spec's arguments, or None where there is no such format. A fraction of None
    is fitted to the data.
    """

    lists: tuple[str, ...] = ()
    arguments: Callable[..., tuple[int, ...] | None] = lambda *values: values


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
    rule: Callable[[tuple[int, ...]], str | None] = _no_rule
    menu: Menu = Menu()
    ladder: tuple[str, ...] = ()

    @property
    def signature(self) -> str:
        """How it is written, optional arguments in brackets: `fixed(width[,fraction])`."""
        if not self.arguments:
            return self.name
        required = ",".join(a.name for a in self.arguments if not a.optional)
        optional = "".join(f"[,{a.name}]" for a in self.arguments if a.optional)
        return f"{self.name}({required}{optional})" if required else f"{self.name}[({optional[2:-1]})]"


EXPONENT, MANTISSA = Argument("exponent", 1, 7), Argument("mantissa", 1, 22, widens=True)
BLOCK = Argument("block", 1, 65536, doubles=True)
