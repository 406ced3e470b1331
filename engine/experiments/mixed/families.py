"""Format families as conditional parameters: what widths, fraction bits, blocks and levels make of each kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from engine.formats.registry import FAMILIES, FULL, parse_spec
from engine.formats.spec import Spec, SpecError
from engine.rounding import NEAREST, Method
from engine.search.space import Dimension, Params


@dataclass(frozen=True, slots=True)
class Lists:
    """What a layer may choose from. A fraction of None is fitted to each tensor; a block may be a row or a tensor."""

    widths: tuple[int, ...]
    fractions: tuple[int | None, ...]
    blocks: tuple[int | str, ...]
    levels: tuple[int, ...]


def variants(family: str, lists: Lists) -> dict[tuple[tuple[str, Any], ...], str]:
    """Every format of a family that the lists allow: spec by the choices that lead to it."""
    offered: dict[str, Sequence[Any]] = {
        "width": lists.widths,
        "fraction": lists.fractions,
        "block": lists.blocks,
        "levels": lists.levels,
    }
    menu = FAMILIES[family].menu
    found: dict[tuple[tuple[str, Any], ...], str] = {}
    for values in product(*(offered[name] for name in menu.lists)):
        args = menu.arguments(*values)
        if args is None:
            continue
        try:
            spec = str(parse_spec(str(Spec(family, args))))
        except SpecError:  # this width has no such format: the combination does not exist
            continue
        found[tuple((name, _word(value)) for name, value in zip(menu.lists, values, strict=True))] = spec
    return found


def _word(value: Any) -> Any:
    """What a fitted fraction is called among the values of a parameter."""
    return "auto" if value is None else value


@dataclass(frozen=True, slots=True)
class Menu:
    """What each layer chooses from: full precision where `full` says so, the formats of the families, and methods.

    The `methods` are those by which a layer that has a format may be rounded.
    """

    families: tuple[str, ...]
    lists: Lists
    full: bool = True
    methods: tuple[Method, ...] = (NEAREST,)

    @property
    def options(self) -> tuple[str, ...]:
        """The first choice of a layer."""
        return ((FULL,) if self.full else ()) + self.families

    def dimensions(self, layer: str) -> list[Dimension]:
        """The choices for one layer: its family, and under each family what that family needs.

        A choice that would have one value is none, and its parameter does not exist.
        """
        several = len(self.options) > 1
        found = [Dimension(layer, self.options)] if several else []
        for family in self.families:
            under = ((layer, (family,)),) if several else ()
            found += _nested(f"{layer}.{family}", list(variants(family, self.lists)), under)
        if len(self.methods) > 1:
            found.append(Dimension(f"{layer}.method", self.methods, ((layer, self.families),) if several else ()))
        return found

    def method(self, layer: str, params: Params) -> Method:
        """How a trial's parameters round a layer's weight."""
        chosen: Method = params.get(f"{layer}.method", self.methods[0])
        return chosen

    def spec(self, layer: str, params: Params) -> str:
        """The format that a trial's parameters give a layer."""
        family = params.get(layer, self.options[0])
        if family == FULL:
            return FULL
        left, name = variants(family, self.lists), f"{layer}.{family}"
        for place in range(len(next(iter(left)))):
            kind, first = next(iter(left))[place]
            value = params.get(f"{name}.{kind}", first)
            left = {choices: spec for choices, spec in left.items() if choices[place][1] == value}
            name = f"{name}.{value}"
        return next(iter(left.values()))

    def params(self, layer: str, spec: str) -> dict[str, Any] | None:
        """The parameters under which a layer has this format; None where it is not on the menu."""
        family = parse_spec(spec).name
        if family not in self.options:
            return None
        found: dict[str, Any] = {layer: family} if len(self.options) > 1 else {}
        if family == FULL:
            return found
        if len(self.methods) > 1:
            found[f"{layer}.method"] = self.methods[0]
        every = variants(family, self.lists)
        wanted = next((choices for choices, one in every.items() if one == spec), None)
        if wanted is None:
            return None
        left, name = list(every), f"{layer}.{family}"
        for place, (kind, value) in enumerate(wanted):
            if len({choices[place][1] for choices in left}) > 1:
                found[f"{name}.{kind}"] = value
            left = [choices for choices in left if choices[place][1] == value]
            name = f"{name}.{value}"
        return found


Choices = Sequence[tuple[str, Any]]


def _nested(name: str, rest: Sequence[Choices], under: tuple[tuple[str, tuple[Any, ...]], ...]) -> list[Dimension]:
    """The first choice of those left, then under each of its values what is left then."""
    if not rest or not rest[0]:
        return []
    own = f"{name}.{rest[0][0][0]}"
    values = tuple(dict.fromkeys(choices[0][1] for choices in rest))
    dimensions = [Dimension(own, values, under)] if len(values) > 1 else []
    for value in values:
        deeper = [choices[1:] for choices in rest if choices[0][1] == value]
        condition = (*under, (own, (value,))) if len(values) > 1 else under
        dimensions += _nested(f"{name}.{value}", deeper, condition)
    return dimensions
