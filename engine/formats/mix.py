"""A mix of formats by layer name, written `classifier=fp32;*.attention.*=mxint8;*=fixed(4)`.

    mix = part { ";" part }        part = pattern "=" spec | spec

The first pattern that fits a layer counts; a spec alone, which can only stand last, is for every other layer. A mix of
nothing else is a spec string, so wherever a mix is taken a spec is too. Nothing here needs tensors.
"""

from collections.abc import Mapping

from engine.formats.registry import parse_spec
from engine.formats.spec import SpecError

EXAMPLE = "classifier=fp32;*=fixed(4)"
REST = "*"


def parse_mix(text: str) -> str | dict[str, str]:
    """A spec, or specs by pattern in their order, both checked and written as `str(Spec)` writes them.

    Raises:
        SpecError: with the position of the first thing that is wrong and a correct example.
    """
    if "=" not in text and ";" not in text:
        return str(parse_spec(text))
    specs: dict[str, str] = {}
    start = 0
    parts = text.split(";")
    for place, part in enumerate(parts, 1):
        pattern, equals, spec = part.rpartition("=")
        name = pattern.strip() if equals else REST
        at = start + (len(part) - len(part.lstrip()) if part.strip() else 0)
        if not part.strip():
            raise SpecError(text, at, "a part of the mix is empty", EXAMPLE)
        if not equals and place < len(parts):
            raise SpecError(text, at, f"a pattern and = are missing before {part.strip()!r}", EXAMPLE)
        if not name or "=" in name:
            raise SpecError(text, at, "a part is one pattern, =, and a format", EXAMPLE)
        if name in specs:
            raise SpecError(text, at, f"{name!r} has a format already", EXAMPLE)
        try:
            specs[name] = str(parse_spec(spec))
        except SpecError as error:
            place_of_spec = start + len(part) - len(spec)
            raise SpecError(text, place_of_spec + error.position, error.problem, error.example) from None
        start += len(part) + 1
    return specs


def write_mix(mix: str | Mapping[str, str]) -> str:
    """The text that `parse_mix` reads as this."""
    return mix if isinstance(mix, str) else ";".join(f"{pattern}={spec}" for pattern, spec in mix.items())


def patterns(text: str) -> tuple[str, ...]:
    """The patterns of a mix; none of a spec. Raises SpecError where it is neither."""
    mix = parse_mix(text)
    return () if isinstance(mix, str) else tuple(mix)
