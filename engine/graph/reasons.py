"""What a graph drops and why two differ, as data: `analyses.py` and `explain.py` find it, `words.py` words it."""

from dataclasses import dataclass

Kinds = tuple[tuple[str, int], ...]
"""Operators with how many of each there are, the most frequent first."""


@dataclass(frozen=True, slots=True)
class Dropouts:
    """How often values are dropped: by modules, by functions that modules call, inside fused attention.

    `inactive` are those of the first two that are switched off, `idle` the modules that are never called.
    """

    graph: str
    modules: int
    functions: int
    attention: int
    inactive: int
    idle: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Same:
    """Both graphs are the same, with so many nodes."""

    nodes: int


@dataclass(frozen=True, slots=True)
class Totals:
    """How many nodes of two graphs are the same, changed, in the left alone and in the right alone."""

    left: str
    right: str
    same: int
    changed: int
    removed: int
    added: int


@dataclass(frozen=True, slots=True)
class Alone:
    """Modules that one graph alone has, without what is below them, and their parameters."""

    graph: str
    modules: tuple[str, ...]
    parameters: int


@dataclass(frozen=True, slots=True)
class NoLoss:
    """Without an input a loss is missing, with the reshapes before it (each and what it reshapes)."""

    input: str
    loss: str
    reshapes: tuple[tuple[str, str], ...]
    outputs_before: int
    outputs: int


@dataclass(frozen=True, slots=True)
class NotNeeded:
    """Operators that need an input and are missing without it."""

    input: str
    operators: Kinds


@dataclass(frozen=True, slots=True)
class Origin:
    """The inputs that a value is made from, and those whose shape alone it depends on; of a constant there are none."""

    values: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InPlace:
    """What was made from an input, what takes its place in which node, where that is from, and what it is for."""

    input: str
    before: tuple[str, ...]
    node: str
    takes: str
    origin: Origin
    reaches: Kinds


@dataclass(frozen=True, slots=True)
class SizesFrom:
    """Where the sizes of the inputs are read off without an input."""

    input: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OtherMode:
    """The graphs were captured in two modes."""

    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Removed:
    """Operators that a pass took out, and how many nodes take now what came before them."""

    operators: Kinds
    moved: int


@dataclass(frozen=True, slots=True)
class Added:
    """Operators that a pass put in."""

    operators: Kinds


@dataclass(frozen=True, slots=True)
class Setting:
    """A change `p 0.1 → 0.0` in all these nodes of an operator."""

    operator: str
    change: str
    nodes: tuple[str, ...]


Reason = (
    Dropouts | Same | Totals | Alone | NoLoss | NotNeeded | InPlace | SizesFrom | OtherMode | Removed | Added | Setting
)
