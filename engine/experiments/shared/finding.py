"""What the numbers of a run support, before it is put into words."""

from dataclasses import dataclass

from engine.tasks.metric import Bounded


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement. `kind` is one of its experiment's, whose module of words says what the other fields mean there.

    `of` names a point or its curve and `at` its place there; `against` names what it is compared with. `value` is what
    is stated, with its interval where there is one, measured on so many `samples`, and `beside` the same of what it is
    compared with. `names`, `values` and `counts` are further names and numbers.
    """

    kind: str
    of: str = ""
    at: str = ""
    against: str = ""
    value: Bounded | float | None = None
    samples: int = 0
    beside: Bounded | float | None = None
    names: tuple[str, ...] = ()
    values: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
