"""All formats: from a spec string to its family, and to the format it names.

    spec = name [ "(" argument { "," argument } ")" ]        argument = integer | number | word

Every module of `engine.formats.families` is read for its `FAMILIES`; `PLACE` orders them in tables and menus.
"""

import difflib
import importlib
import pkgutil
import re
from typing import Any

from engine.formats import families, lazy
from engine.formats.base import Format
from engine.formats.spec import Family, Spec, SpecError

_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*|[+-]?[0-9]{1,12}(?:\.[0-9]{0,20})?(?:e[+-]?[0-9]{1,3})?|\S)")
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
    left = FAMILIES[spec.name].arguments[len(spec.args) :]
    return any(argument.fitted and (not argument.after or argument.after in spec.args) for argument in left)


def unfitted(spec: Spec) -> Spec:
    """The spec before arguments were chosen from data: `fixed(8,5)` as `fixed(8)`, `nvfp4(3.2e-05)` as `nvfp4`."""
    arguments = FAMILIES[spec.name].arguments
    fitted = (place for place, argument in enumerate(arguments) if argument.fitted)
    return Spec(spec.name, spec.args[: next(fitted, None)])


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
    found, end = _arguments(text, tokens[1:], family)
    args = tuple(value for value, _ in found)
    if problem := family.rule(args):
        raise SpecError(text, found[-1][1], problem, family.example)
    required = sum(not argument.optional for argument in family.arguments)
    if len(args) < required:
        raise SpecError(text, end, f"the {family.arguments[len(args)].name} is missing", family.example)
    return Spec(name, args)


def _arguments(text: str, tokens: list[tuple[str, int]], family: Family) -> tuple[list[tuple[Any, int]], int]:
    """The arguments as (value, position) and where more of them would stand."""
    if not tokens:
        return [], len(text.rstrip())
    token, position = tokens[0]
    if token != "(":
        raise SpecError(text, position, f"unexpected {token!r} after the name", family.example)
    found: list[tuple[Any, int]] = []
    rest = iter(tokens[1:])
    end = len(text.rstrip())
    while True:
        token, position = next(rest, ("", end))
        found.append((_read(text, token, position, family, tuple(value for value, _ in found)), position))
        token, position = next(rest, ("", end))
        if token == ")":
            extra, after = next(rest, ("", position))
            if extra:
                raise SpecError(text, after, f"unexpected {extra!r} after the closing parenthesis", family.example)
            return found, position
        if token != ",":
            expected = "',' or ')'" if len(found) < len(family.arguments) else "')'"
            raise SpecError(text, position, f"{expected} is expected here{_instead(token)}", family.example)


def _read(text: str, token: str, position: int, family: Family, before: tuple[Any, ...]) -> Any:
    """The argument that a token gives, those before it known."""
    if len(before) == len(family.arguments):
        takes = "takes no arguments" if not family.arguments else f"takes at most {len(family.arguments)}"
        raise SpecError(text, position, f"{family.name} {takes}", family.example)
    argument = family.arguments[len(before)]
    value = argument.read(token)
    if argument.after and argument.after not in before:
        raise SpecError(text, position, f"a {argument.name} stands only after {argument.after!r}", family.example)
    if value is None:
        raise SpecError(text, position, f"{argument.takes} is expected here{_instead(token)}", family.example)
    if value != argument.word and not argument.low <= value <= argument.high:
        between = f"{argument.low:.9g} and {argument.high:.9g}"
        problem = f"the {argument.name} must lie between {between}, not {value}"
        raise SpecError(text, position, problem, family.example)
    return value


def _instead(token: str) -> str:
    return f", not {token!r}" if token else ""
