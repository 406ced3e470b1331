"""From a spec to the ones beside it: a bit more, a bit less, the next family. Nothing here needs tensors."""

from itertools import takewhile

from engine.formats.registry import FAMILIES, parse_spec
from engine.formats.spec import Family, Spec


def wider(text: str, step: int) -> str | None:
    """The format `step` bits wider (or narrower), or so many places along the families of its ladder.

    None where there is none: at a bound, or where the format has no width. Other arguments stay, but for the scale of
    a whole tensor, which is left to the data again, and for those that the next family does not have.
    """
    spec = parse_spec(text)
    family = FAMILIES[spec.name]
    if family.ladder:
        place = family.ladder.index(spec.name) + step
        if not 0 <= place < len(family.ladder):
            return None
        name = family.ladder[place]
        return str(Spec(name, spec.args if FAMILIES[name].arguments == family.arguments else ()))
    return _moved(family, spec, step, widens=True)


def other(text: str, step: int) -> str | None:
    """The format with its other argument moved: fraction, exponent or bias by one, a block by a factor of two.

    None at a bound, where there is no such argument, or where it is left to the data.
    """
    spec = parse_spec(text)
    return _moved(FAMILIES[spec.name], spec, step, widens=False)


def _moved(family: Family, spec: Spec, step: int, widens: bool) -> str | None:
    """The spec with its first argument of that kind moved."""
    place = next((i for i, argument in enumerate(family.arguments) if argument.widens is widens), len(spec.args))
    if place >= len(spec.args):
        return None
    argument, value = family.arguments[place], spec.args[place]
    if not isinstance(value, int):
        return None
    if argument.doubles:
        value = value * 2 if step > 0 else value // 2
    else:
        value += step
    args = (*spec.args[:place], value, *takewhile(lambda arg: not isinstance(arg, float), spec.args[place + 1 :]))
    if not argument.low <= value <= argument.high or family.rule(args) is not None:
        return None
    return str(Spec(spec.name, args))
