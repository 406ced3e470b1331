"""All formats: from a spec string to its family, and to the format it names.

    spec = name [ "(" integer { "," integer } ")" ]

Every module of `engine.formats.families` is read for its `FAMILIES`; `PLACE` orders them in tables and menus.
"""

import difflib
import importlib
import pkgutil
import re

from engine.formats import families, lazy
from engine.formats.base import Format
from engine.formats.spec import Family, Spec, SpecError

_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*|[+-]?[0-9]{1,12}|\S)")
FULL = "fp32"
"""No quantisation."""


def _found() -> dict[str, Family]:
    names = [module.name for module in pkgutil.iter_modules(families.__path__, f"{families.__name__}.")]
    modules = sorted((importlib.import_module(name) for name in names), key=lambda module: module.PLACE)
    return {family.name: family for module in modules for family in module.FAMILIES}


FAMILIES = _found()
"""Every family by the name that a spec starts with."""

NAMES = tuple(name for name in FAMILIES if name != FULL)
"""Those that quantise."""


def build(text: str) -> Format:
    """The format that the spec string `text` names."""
    spec = parse_spec(text)
    lazy.load()
    return FAMILIES[spec.name].build(*spec.args)


def is_open(spec: Spec) -> bool:
    """Whether arguments are left to be chosen from data, as `Format.open` says of the format. No torch."""
    return any(argument.fitted for argument in FAMILIES[spec.name].arguments[len(spec.args) :])


def parse_spec(text: str) -> Spec:
    """The name and arguments in `text`, checked against the table of formats.

    Raises:
        SpecError: with the position of the first thing that is wrong and a correct example.
    """
    tokens = [(match.group(1), match.start(1)) for match in _TOKEN.finditer(text)]
    if not tokens:
        raise SpecError(text, 0, "a format's name is missing", "fixed(8,4)")
    name, start = tokens[0]
    family = FAMILIES.get(name)
    if family is None:
        near = difflib.get_close_matches(name, FAMILIES, n=1, cutoff=0.5)
        example = FAMILIES[near[0]].example if near else "fixed(8,4)"
        raise SpecError(text, start, f"no format is called {name!r}", example)
    numbers, end = _numbers(text, tokens[1:], family)
    args = tuple(value for value, _ in numbers)
    if problem := family.rule(args):
        raise SpecError(text, numbers[-1][1], problem, family.example)
    required = sum(not argument.optional for argument in family.arguments)
    if len(args) < required:
        raise SpecError(text, end, f"the {family.arguments[len(args)].name} is missing", family.example)
    return Spec(name, args)


def _numbers(text: str, tokens: list[tuple[str, int]], family: Family) -> tuple[list[tuple[int, int]], int]:
    """The arguments as (value, position) and where more of them would stand."""
    if not tokens:
        return [], len(text.rstrip())
    token, position = tokens[0]
    if token != "(":
        raise SpecError(text, position, f"unexpected {token!r} after the name", family.example)
    numbers: list[tuple[int, int]] = []
    rest = iter(tokens[1:])
    end = len(text.rstrip())
    while True:
        token, position = next(rest, ("", end))
        if not token or not token.lstrip("+-").isdigit() or not token.isascii():
            found = f", not {token!r}" if token else ""
            raise SpecError(text, position, f"an integer is expected here{found}", family.example)
        if len(numbers) == len(family.arguments):
            takes = "takes no arguments" if not family.arguments else f"takes at most {len(family.arguments)}"
            raise SpecError(text, position, f"{family.name} {takes}", family.example)
        argument = family.arguments[len(numbers)]
        value = int(token)
        if not argument.low <= value <= argument.high:
            problem = f"the {argument.name} must lie between {argument.low} and {argument.high}, not {value}"
            raise SpecError(text, position, problem, family.example)
        numbers.append((value, position))
        token, position = next(rest, ("", end))
        if token == ")":
            extra, after = next(rest, ("", position))
            if extra:
                raise SpecError(text, after, f"unexpected {extra!r} after the closing parenthesis", family.example)
            return numbers, position
        if token != ",":
            expected = "',' or ')'" if len(numbers) < len(family.arguments) else "')'"
            found = f", not {token!r}" if token else ""
            raise SpecError(text, position, f"{expected} is expected here{found}", family.example)
