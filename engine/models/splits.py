"""Train, validation and test: which files belong to which, and how what is missing is drawn from train. No torch."""

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, Self, TypeVar

import numpy as np

from engine.errors import InputError
from engine.models.labels import Classes

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
_NAMES: tuple[tuple[Split, str], ...] = (
    ("train", "train|training"),
    ("validation", "validation|valid|val|dev"),
    ("test", "test|testing"),
)
CUT = 0.1
LARGEST_CUT = 10_000


def name_of_split(name: str) -> Split | None:
    """The set that a file or folder is named after."""
    for split, pattern in _NAMES:
        if re.search(rf"(?:^|[^a-z])(?:{pattern})(?:[^a-z]|$)", name.lower()):
            return split
    return None


class Rows(Protocol):
    """Samples of one split with the classes they belong to."""

    @property
    def labels(self) -> list[int]:
        """Places among the classes."""

    @property
    def rows(self) -> Sequence[Hashable]:
        """What tells one sample from another: equal ones are the same sample."""

    def __len__(self) -> int:
        """How many."""

    def pick(self, indices: Iterable[int]) -> Self:
        """Some of them, in the order given."""


RowsT = TypeVar("RowsT", bound=Rows)


@dataclass(frozen=True, slots=True)
class Found(Generic[RowsT]):
    """What a source has by split. A class in `labels` is a place in `classes.values`; `read` counts all rows, of which
    `left_out` says what is not there and why. `noun` is what a row is, `columns` where the rows and labels come from.
    """

    splits: Mapping[Split, RowsT]
    classes: Classes
    read: int
    columns: str
    noun: str
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sets(Generic[RowsT]):
    """The three sets. `description` says in a sentence what was read and how they came about."""

    train: RowsT
    validation: RowsT
    test: RowsT
    classes: Classes
    description: str


def split_sets(found: Found[RowsT], source: str, seed: int) -> Sets[RowsT]:
    """Three sets with no row in common of what a source called `source` has: one that it lacks is a tenth of train.

    A row that occurs in several sets stays in the last of train, validation, test and leaves the others.

    Raises:
        InputError: too few rows, or one class alone.
    """
    sets, noun = dict(found.splits), found.noun
    cut = [split for split in SPLITS if split not in sets]
    train, generator = sets["train"], np.random.default_rng(seed)
    size = min(LARGEST_CUT, max(1, round(CUT * len(train))))
    for split in cut:
        order = generator.permutation(len(train)).tolist()
        sets[split] = train.pick(sorted(order[:size]))
        train = train.pick(sorted(order[size:]))
    test = sets["test"]
    validation = _without(sets["validation"], test)
    kept = _without(train, test, validation)
    repeated = {"train": len(train) - len(kept), "validation": len(sets["validation"]) - len(validation)}
    for split, left in (("train", kept), ("validation", validation), ("test", test)):
        if not len(left) and repeated.get(split):
            raise InputError(
                f"every {noun} of the {split} set of {source} is also in another set; a model must not be measured on "
                f"what it was trained on: give sets of different {noun}s."
            )
    if not (len(kept) and len(validation) and len(test)):
        raise InputError(f"{source} has too few different {noun}s for a train, a validation and a test set; add rows.")
    if len(set(kept.labels)) == 1:
        only = found.classes.values[kept.labels[0]]
        raise InputError(
            f"every row of the train set of {source} has the label {only}; a classifier needs two or more."
        )
    sizes = (len(kept), len(validation), len(test))
    text = _describe(found, sizes, cut, seed, sum(repeated.values()))
    return Sets(kept, validation, test, found.classes, text)


def _without(rows: RowsT, *others: RowsT) -> RowsT:
    taken = {row for other in others for row in other.rows}
    return rows.pick(i for i, row in enumerate(rows.rows) if row not in taken)


def _describe(found: Found[RowsT], sizes: tuple[int, int, int], cut: list[Split], seed: int, repeated: int) -> str:
    """What was read, what is used, and why some is not."""
    used = sum(sizes)
    plural = "rows" if found.noun == "text" else f"{found.noun}s"
    rows = f"{found.read:,} {plural} read ({found.columns})" + (
        ", all used" if used == found.read else f", {used:,} used"
    )
    sets = ", ".join(f"{size:,} {split}" for split, size in zip(SPLITS, sizes, strict=True))
    drawn = f" ({' and '.join(cut)} drawn from train, seed {seed})" if cut else ""
    left_out = list(found.left_out)
    if repeated:
        left_out.append(f"{repeated:,} left out of train or validation because another set holds the same {found.noun}")
    return "; ".join([f"{rows}: {sets}{drawn}", *left_out])
