"""From a spec to the ones beside it: a bit more, a bit less, the next family. Nothing here needs tensors."""

from engine.formats.spec import KINDS, Kind, Spec, parse_spec

_SIZES = ("width", "mantissa", "levels")  # the arguments that make a format wider
_MICROSCALING = ("mxfp4", "mxfp6_e3m2", "mxfp6_e2m3", "mxfp8_e5m2", "mxfp8_e4m3", "mxint8")

FAMILIES = tuple(kind for kind in KINDS if kind != "fp32")


def wider(text: str, step: int) -> str | None:
    """The format `step` bits wider (or narrower), or so many places along the microscaling formats.

    None where there is none: at a bound, or where the format has no width. Other arguments stay.
    """
    spec = parse_spec(text)
    if spec.name in _MICROSCALING:
        place = _MICROSCALING.index(spec.name) + step
        return str(Spec(_MICROSCALING[place], spec.args)) if 0 <= place < len(_MICROSCALING) else None
    place = next((i for i, argument in enumerate(KINDS[spec.name].arguments) if argument.name in _SIZES), -1)
    return _moved(KINDS[spec.name], spec, place, step)


def other(text: str, step: int) -> str | None:
    """The format with its other argument moved: fraction, exponent or bias by one, a block by a factor of two.

    None at a bound, where there is no such argument, or where it is left to the data.
    """
    spec = parse_spec(text)
    kind = KINDS[spec.name]
    places = [i for i, argument in enumerate(kind.arguments) if argument.name not in _SIZES]
    return _moved(kind, spec, places[0] if places else -1, step)


def _moved(kind: Kind, spec: Spec, place: int, step: int) -> str | None:
    if not 0 <= place < len(spec.args):
        return None
    argument, value = kind.arguments[place], spec.args[place]
    if argument.name == "block":
        value = value * 2 if step > 0 else value // 2
    else:
        value += step
    args = (*spec.args[:place], value, *spec.args[place + 1 :])
    if not argument.low <= value <= argument.high or kind.rule(args) is not None:
        return None
    return str(Spec(spec.name, args))
