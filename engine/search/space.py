"""What a search may choose: dimensions, some of which exist only under others, and combinations that are left out."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.errors import InputError

Value = int | float | str | bool
Params = Mapping[str, Any]
Pick = Callable[["Dimension"], Any]
LARGEST_GRID = 100_000


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`, both included. `whole` are integers; `step` None is continuous."""

    low: float
    high: float
    step: float | None = None
    log: bool = False
    whole: bool = False

    @property
    def values(self) -> tuple[Value, ...] | None:
        """All of them, in order; None where they are continuous.

        Raises:
            InputError: more than anyone could go through.
        """
        if self.step is None:
            return None
        count = round((self.high - self.low) / self.step) + 1
        if count > LARGEST_GRID:
            raise InputError(
                f"the range {described(self)} has more than {LARGEST_GRID:,} values; give it a larger step."
            )
        found = (self.low + number * self.step for number in range(count))
        return tuple(int(value) for value in found) if self.whole else tuple(round(value, 12) for value in found)

    def holds(self, value: Any) -> bool:
        """Whether a value lies within."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        if not self.low <= value <= self.high:
            return False
        places = (value - self.low) / self.step if self.step else 0.0
        return math.isclose(places, round(places), abs_tol=1e-9)


@dataclass(frozen=True, slots=True)
class Dimension:
    """One choice: a range, or one of some values.

    `under` names dimensions before this one and the values they must have for this one to exist. A dimension with
    `parts` chooses for several names at once: its values are tuples, one value for each part.
    """

    name: str
    domain: Range | tuple[Any, ...]
    under: tuple[tuple[str, tuple[Value, ...]], ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[Any, ...] | None:
        """What it can be; None where that is continuous."""
        return self.domain.values if isinstance(self.domain, Range) else self.domain

    @property
    def labels(self) -> tuple[Value, ...]:
        """The values of a choice as the sampler knows them: plain values, `64/2` for several parts."""
        assert not isinstance(self.domain, Range)
        return tuple("/".join(map(str, value)) for value in self.domain) if self.parts else self.domain

    def exists(self, params: Params) -> bool:
        """Whether this is to be chosen, given what has been chosen before."""
        return all(params.get(name) in values for name, values in self.under)

    def spread(self, value: Any) -> dict[str, Any]:
        """The parameters that a value of it stands for."""
        return dict(zip(self.parts, value, strict=True)) if self.parts else {self.name: value}

    def gathered(self, params: Params) -> Any:
        """The value that the parameters give it. Raises InputError where it is missing or none of its values."""
        missing = [name for name in self.parts or (self.name,) if name not in params]
        if missing:
            raise InputError(f"{missing[0]} is missing; a trial needs a value for it.")
        value = tuple(params[name] for name in self.parts) if self.parts else params[self.name]
        fits = self.domain.holds(value) if isinstance(self.domain, Range) else value in self.domain
        if not fits:
            name = " and ".join(self.parts) or self.name
            shown = ", ".join(map(str, value)) if self.parts else str(value)
            raise InputError(f"{name} cannot be {shown}; it is one of {described(self.domain)}.")
        return value


def described(domain: Range | tuple[Any, ...]) -> str:
    """A domain as it is written."""
    if isinstance(domain, Range):
        number = (lambda value: str(int(value))) if domain.whole else repr
        step = f" step {number(domain.step)}" if domain.step and not (domain.whole and domain.step == 1) else ""
        return f"{number(domain.low)}..{number(domain.high)}{step}{' log' if domain.log else ''}"
    return ", ".join("/".join(map(_word, one)) if isinstance(one, tuple) else _word(one) for one in domain)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class Space:
    """Dimensions in the order in which they are chosen."""

    dimensions: tuple[Dimension, ...] = field(default=())

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that can come out."""
        return tuple(name for one in self.dimensions for name in one.parts or (one.name,))

    def choose(self, pick: Pick) -> dict[str, Any]:
        """The parameters, where `pick` gives the value of each dimension that exists."""
        params: dict[str, Any] = {}
        for dimension in self.dimensions:
            if dimension.exists(params):
                params |= dimension.spread(pick(dimension))
        return params

    def checked(self, params: Params) -> dict[str, Any]:
        """Parameters given by hand, as they are. Raises InputError for what is missing, unknown or out of bounds."""
        found = self.choose(lambda dimension: dimension.gathered(params))
        for name in params:
            if name not in found:
                known = ", ".join(self.names)
                raise InputError(f"{name} does not exist in this trial; the parameters are {known}.")
        return found

    def gathered(self, params: Params) -> dict[str, Any]:
        """Value by dimension, of the dimensions that exist under these parameters."""
        return {one.name: one.gathered(params) for one in self.dimensions if one.exists(params)}

    def product(self) -> list[dict[str, Any]]:
        """Every combination once, the last dimension turning fastest.

        Raises:
            InputError: a continuous dimension, or more combinations than anyone could run.
        """
        for dimension in self.dimensions:
            if dimension.values is None:
                raise InputError(f"a grid needs a step for {dimension.name}, for example 0..1 step 0.1.")
        found = list(itertools.islice(self._expand({}, self.dimensions), LARGEST_GRID + 1))
        if len(found) > LARGEST_GRID:
            raise InputError(
                f"the grid has more than {LARGEST_GRID:,} combinations; take fewer values or larger steps."
            )
        return found

    def _expand(self, params: dict[str, Any], rest: Sequence[Dimension]) -> Iterator[dict[str, Any]]:
        if not rest:
            yield params
            return
        first, *others = rest
        if not first.exists(params):
            yield from self._expand(params, others)
            return
        for value in first.values or ():
            yield from self._expand(params | first.spread(value), others)


def tied(space: Space, names: Sequence[str], fits: Callable[[Params], bool], why: str) -> Space:
    """The space with those of `names` that it has joined into one choice among the combinations that fit.

    So what does not fit together is never proposed. InputError where nothing fits, a name is continuous, or there are
    more combinations than anyone could go through.
    """
    members = [one for one in space.dimensions if one.name in names]
    if not members:
        return space
    for one in members:
        if one.values is None:
            raise InputError(f"{one.name} needs a step: {why}.")
    if math.prod(len(one.values or ()) for one in members) > LARGEST_GRID:
        names_of = " and ".join(one.name for one in members)
        raise InputError(f"{names_of} have more than {LARGEST_GRID:,} combinations; take fewer values or larger steps.")
    combinations = itertools.product(*(one.values or () for one in members))
    kept = tuple(
        values for values in combinations if fits({one.name: v for one, v in zip(members, values, strict=True)})
    )
    if not kept:
        raise InputError(f"no combination of {' and '.join(one.name for one in members)} is left: {why}.")
    if len(members) == 1:
        joint = Dimension(members[0].name, tuple(values[0] for values in kept))
    else:
        joint = Dimension("/".join(one.name for one in members), kept, parts=tuple(one.name for one in members))
    place = space.dimensions.index(members[0])
    others = [one for one in space.dimensions if one not in members]
    return Space((*others[:place], joint, *others[place:]))
