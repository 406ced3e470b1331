"""Rows of whatever kind with their labels as they are read, before labels are classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from engine.errors import InputError
from engine.models.labels import UNLABELLED, Classes, Label, classes_of, label_of
from engine.models.splits import Split
from engine.models.tables import class_names, shown

Row = TypeVar("Row")


@dataclass(slots=True)
class Labelled(Generic[Row]):
    """What is read of a split. `first` says where each label, and none, occurs first."""

    rows: list[Row] = field(default_factory=list)
    labels: list[Label | None] = field(default_factory=list)
    first: dict[Label | None, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    def add(
        self,
        file: Path,
        rows: list[Row],
        column: str | None,
        values: list[Any],
        numbers: Sequence[int] | None = None,
    ) -> None:
        """Adds rows of a file with the values of its label column; None where it has no such column.

        `numbers` are those of the rows in the file where not all of them are here.

        Raises:
            InputError: a value that is no label; the sentence names its row.
        """
        self.rows += rows
        if column is None:
            self.labels += [None] * len(rows)
            self.first.setdefault(None, f"row 1 of {file}, which has no label column,")
            return
        known: dict[Any, Label | None] = {}
        for row, value in zip(numbers or range(1, len(values) + 1), values, strict=True):
            try:
                label = known[value]
            except (KeyError, TypeError):  # a TypeError: a list, say, has no place in a dictionary
                label = _label(file, row, column, value)
                known[value] = label
                self.first.setdefault(label, f"row {row} of {file}")
            self.labels.append(label)
        self.names = self.names or class_names(file, column)

    def keep(self, kept: list[int]) -> None:
        """Leaves these places alone."""
        self.rows, self.labels = [self.rows[i] for i in kept], [self.labels[i] for i in kept]


def classes_among(
    found: dict[Split, Labelled[Row]], source: str
) -> tuple[Classes, dict[Split, list[int]], tuple[str, ...]]:
    """The classes of all rows, the place of each row's label among them, and what was left out.

    Splits without labels leave `found`, and rows that a data set with named classes marks as unlabelled.

    Raises:
        InputError: no labels, a row without one, or one class alone.
    """
    left_out = []
    for split, rows in list(found.items()):
        if not rows.rows:
            raise InputError(f"the {split} set of {source} has no rows; add some or remove the file.")
        if all(label in (None, UNLABELLED) for label in rows.labels):
            if split == "train":
                raise InputError(f"no row of the train set of {source} has a label; name their column: label_column.")
            left_out.append(f"the {len(rows.rows):,} of {split} left out, which have no labels")
            del found[split]
    if dropped := _without_labels(found):
        left_out.append(f"{dropped:,} left out that have no label (-1)")
    places = {label: place for rows in reversed(found.values()) for label, place in rows.first.items()}
    names = next((rows.names for rows in found.values() if rows.names), [])
    classes, index = classes_of({label: places[label] for label in places if label is not None}, names)
    if len(classes.values) == 1:
        raise InputError(f"every row of {source} has the label {classes.values[0]}; a classifier needs two or more.")
    labels = {split: [index[label] for label in rows.labels if label is not None] for split, rows in found.items()}
    return classes, labels, tuple(left_out)


def _label(file: Path, row: int, column: str, value: Any) -> Label | None:
    try:
        return label_of(value)
    except ValueError as error:
        raise InputError(
            f"row {row} of {file} has the label {shown(value)} in column {column}, {error}; labels are whole numbers "
            "or names of classes: fix the row, or name another column with label_column."
        ) from None


def _without_labels(found: Mapping[Split, Labelled[Row]]) -> int:
    """Takes the rows out that a data set with named classes marks as unlabelled; how many these were.

    Raises:
        InputError: a row without a label in a file that says of none that it may have none.
    """
    dropped = 0
    for rows in found.values():
        if None in rows.first:
            raise InputError(f"{rows.first[None]} has no label; fix the row or remove it.")
        if UNLABELLED in rows.first and rows.names:
            kept = [i for i, label in enumerate(rows.labels) if label != UNLABELLED]
            dropped += len(rows.labels) - len(kept)
            rows.keep(kept)
            del rows.first[UNLABELLED]
    return dropped
