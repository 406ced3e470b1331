"""A column of a table of points: where its value is found, and how it is written. No torch."""

from dataclasses import dataclass
from typing import Literal

Unit = Literal["text", "number", "percent", "bytes", "db", "seconds"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table of points: `key` is looked up in a point's params, then in its result.

    `low` and `high` name the keys of the value's 95 % interval. A `signed` value is a difference. Where every point has
    the `usual` value the column is left out.
    """

    key: str
    label: str
    unit: Unit = "text"
    low: str | None = None
    high: str | None = None
    signed: bool = False
    usual: float | str | None = None
