"""Spec strings such as `bfp(7,16)`: their grammar, their bounds, and errors that show the place and a correct example.

    spec = name [ "(" integer { "," integer } ")" ]

Nothing here needs tensors: forms check a spec while it is typed.
"""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import InputError

_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*|[+-]?[0-9]{1,12}|\S)")


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
    """One integer argument with its bounds, both included."""

    name: str
    low: int
    high: int
    optional: bool = False


def _no_rule(_: tuple[int, ...]) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the table of formats. `rule` says what is wrong between arguments that are each within bounds."""

    name: str
    summary: str
    example: str
    arguments: tuple[Argument, ...] = ()
    rule: Callable[[tuple[int, ...]], str | None] = _no_rule

    @property
    def signature(self) -> str:
        """How it is written, optional arguments in brackets: `fixed(width[,fraction])`."""
        if not self.arguments:
            return self.name
        required = ",".join(a.name for a in self.arguments if not a.optional)
        optional = "".join(f"[,{a.name}]" for a in self.arguments if a.optional)
        return f"{self.name}({required}{optional})" if required else f"{self.name}[({optional[2:-1]})]"


def _log_reaches(args: tuple[int, ...]) -> str | None:
    if len(args) < 2:
        return None
    width, bias = args
    top = 2 ** (width - 1) - 1 - bias
    if -149 <= top <= 127:
        return None
    return f"a bias of {bias} puts the largest value at 2^{top}, outside float32"


_EXPONENT, _FRACTION = Argument("exponent", 1, 7), Argument("mantissa", 1, 22)
_BLOCK = Argument("block", 1, 65536)
_MX_BLOCK = Argument("block", 1, 65536, optional=True)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("fp32", "no quantisation", "fp32"),
        Kind(
            "fixed",
            "fixed point; without a fraction, the one with the least squared error",
            "fixed(8,4)",
            (Argument("width", 2, 32), Argument("fraction", -96, 126, optional=True)),
        ),
        Kind("minifloat", "every code is a number, subnormals", "minifloat(4,3)", (_EXPONENT, _FRACTION)),
        Kind(
            "minifloat_ieee",
            "top exponent kept for inf and NaN, subnormals",
            "minifloat_ieee(5,2)",
            (Argument("exponent", 2, 8), _FRACTION),
        ),
        Kind(
            "minifloat_denorm",
            "no implicit leading bit",
            "minifloat_denorm(4,3)",
            (Argument("exponent", 1, 8), _FRACTION),
        ),
        Kind(
            "log",
            "sign and power of two; without a bias, from the largest magnitude",
            "log(5,7)",
            (Argument("width", 2, 8), Argument("bias", -126, 276, optional=True)),
            _log_reaches,
        ),
        Kind(
            "bfp",
            "block floating point: integers with a shared exponent",
            "bfp(7,16)",
            (Argument("mantissa", 1, 23), _BLOCK),
        ),
        Kind(
            "block_minifloat",
            "minifloat with a shared exponent bias",
            "block_minifloat(3,2,16)",
            (Argument("exponent", 1, 6), _FRACTION, _BLOCK),
        ),
        Kind(
            "block_log",
            "powers of two with a shared exponent bias",
            "block_log(4,16)",
            (Argument("width", 2, 8), _BLOCK),
        ),
        Kind("binary", "+1 and -1", "binary"),
        Kind("binary_scaled", "sign times the row's mean magnitude", "binary_scaled"),
        Kind(
            "binary_residual",
            "a sum of scaled signs, each of what the last left over",
            "binary_residual(2)",
            (Argument("levels", 1, 8),),
        ),
        Kind("ternary", "-1, 0 and +1 times a scale per row", "ternary"),
        Kind("mxint8", "microscaling: 8-bit integers, shared scale", "mxint8", (_MX_BLOCK,)),
        Kind("mxfp8_e4m3", "microscaling: FP8 E4M3, shared scale", "mxfp8_e4m3", (_MX_BLOCK,)),
        Kind("mxfp8_e5m2", "microscaling: FP8 E5M2, shared scale", "mxfp8_e5m2", (_MX_BLOCK,)),
        Kind("mxfp6_e3m2", "microscaling: FP6 E3M2, shared scale", "mxfp6_e3m2", (_MX_BLOCK,)),
        Kind("mxfp6_e2m3", "microscaling: FP6 E2M3, shared scale", "mxfp6_e2m3", (_MX_BLOCK,)),
        Kind("mxfp4", "microscaling: FP4 E2M1, shared scale", "mxfp4", (_MX_BLOCK,)),
    )
}


def parse_spec(text: str) -> Spec:
    """The name and arguments in `text`, checked against the table of formats.

    Raises:
        SpecError: with the position of the first thing that is wrong and a correct example.
    """
    tokens = [(match.group(1), match.start(1)) for match in _TOKEN.finditer(text)]
    if not tokens:
        raise SpecError(text, 0, "a format's name is missing", "fixed(8,4)")
    name, start = tokens[0]
    kind = KINDS.get(name)
    if kind is None:
        near = difflib.get_close_matches(name, KINDS, n=1, cutoff=0.5)
        raise SpecError(text, start, f"no format is called {name!r}", KINDS[near[0]].example if near else "fixed(8,4)")
    numbers, end = _numbers(text, tokens[1:], kind)
    args = tuple(value for value, _ in numbers)
    if problem := kind.rule(args):
        raise SpecError(text, numbers[-1][1], problem, kind.example)
    required = sum(not argument.optional for argument in kind.arguments)
    if len(args) < required:
        raise SpecError(text, end, f"the {kind.arguments[len(args)].name} is missing", kind.example)
    return Spec(name, args)


def _numbers(text: str, tokens: list[tuple[str, int]], kind: Kind) -> tuple[list[tuple[int, int]], int]:
    """The arguments as (value, position) and where more of them would stand."""
    if not tokens:
        return [], len(text.rstrip())
    token, position = tokens[0]
    if token != "(":
        raise SpecError(text, position, f"unexpected {token!r} after the name", kind.example)
    numbers: list[tuple[int, int]] = []
    rest = iter(tokens[1:])
    end = len(text.rstrip())
    while True:
        token, position = next(rest, ("", end))
        if not token or not token.lstrip("+-").isdigit() or not token.isascii():
            found = f", not {token!r}" if token else ""
            raise SpecError(text, position, f"an integer is expected here{found}", kind.example)
        if len(numbers) == len(kind.arguments):
            takes = "takes no arguments" if not kind.arguments else f"takes at most {len(kind.arguments)}"
            raise SpecError(text, position, f"{kind.name} {takes}", kind.example)
        argument = kind.arguments[len(numbers)]
        value = int(token)
        if not argument.low <= value <= argument.high:
            problem = f"the {argument.name} must lie between {argument.low} and {argument.high}, not {value}"
            raise SpecError(text, position, problem, kind.example)
        numbers.append((value, position))
        token, position = next(rest, ("", end))
        if token == ")":
            extra, after = next(rest, ("", position))
            if extra:
                raise SpecError(text, after, f"unexpected {extra!r} after the closing parenthesis", kind.example)
            return numbers, position
        if token != ",":
            expected = "',' or ')'" if len(numbers) < len(kind.arguments) else "')'"
            found = f", not {token!r}" if token else ""
            raise SpecError(text, position, f"{expected} is expected here{found}", kind.example)
