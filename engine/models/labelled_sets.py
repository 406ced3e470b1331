"""A labelled data set as a model takes it, as far as it is used: prepared once, kept in the cache by content."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from engine.models.cache import Progress, cached
from engine.models.labels import Classes, Fit
from engine.models.splits import Rows, Sets
from engine.training.samples import Samples, drawn

PARTS = ("train", "validation", "test", "calibration")


@dataclass(frozen=True, slots=True)
class Draw:
    """How many samples of each set are used at most; None: all. They are drawn by seed, the same for the same count.

    `calibration` samples are drawn from train, whatever is trained on.
    """

    train: int | None = None
    validation: int | None = None
    test: int | None = None
    calibration: int = 0


ALL = Draw()
RowsT = TypeVar("RowsT", bound=Rows)
SamplesT = TypeVar("SamplesT", bound=Samples)


@dataclass(frozen=True, slots=True)
class LabelledSets(Generic[SamplesT]):
    """The three sets, and the samples for calibration. `labels` is the number of classes, `description` what was read
    and how the sets came about; `key` stands for all of it.
    """

    train: SamplesT
    validation: SamplesT
    test: SamplesT
    calibration: SamplesT
    labels: int
    description: str
    key: str


class Preparer(ABC, Generic[RowsT, SamplesT]):
    """How one data set is read, written as a model takes it, and read again."""

    @abstractmethod
    def read(self) -> Sets[RowsT]:
        """The rows of the three sets. Raises InputError where the source does not give them."""

    @abstractmethod
    def write(self, folder: Path, rows: RowsT, progress: Progress) -> Iterable[str]:
        """Fills a folder with some rows, prepared; names those that had to be left out."""

    @abstractmethod
    def samples(self, folder: Path, classes: Tensor) -> SamplesT:
        """What `write` wrote, memory-mapped; the label of a row is a place in `classes` (int64 [values])."""

    def said_of(self, left_out: Sequence[str]) -> Sequence[str]:
        """What a reader is to know of the rows that `write` left out."""
        return []


def labelled_sets(
    cache: str,
    key: str,
    preparer: Preparer[RowsT, SamplesT],
    fitted: Callable[[Classes], Fit],
    draw: Draw,
    seed: int,
    progress: Progress | None,
) -> LabelledSets[SamplesT]:
    """The sets of a `preparer`, only the rows that the `draw` takes. They are kept as `key` in a folder of the cache.

    `fitted` gives the model's class of each label.

    Raises:
        InputError: as `Preparer.read`, `Preparer.write` and `fitted`.
    """

    def make(folder: Path) -> None:
        sets = preparer.read()
        parts = {
            "train": _drawn(sets.train, draw.train, seed),
            "validation": _drawn(sets.validation, draw.validation, seed),
            "test": _drawn(sets.test, draw.test, seed),
            "calibration": _drawn(sets.train, draw.calibration, seed),
        }
        total, done, left_out = sum(map(len, parts.values())), 0, dict[str, None]()
        for name, part in parts.items():

            def report(more: float, _total: float, text: str, before: int = done) -> None:
                if progress is not None:
                    progress(before + more, total, text)

            (folder / name).mkdir()
            left_out |= dict.fromkeys(preparer.write(folder / name, part, report))
            done += len(part)
        facts = {
            "values": sets.classes.values,
            "names": sets.classes.names,
            "description": "; ".join([sets.description, *preparer.said_of(list(left_out))]),
        }
        (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")

    folder = cached(f"{cache}/{key}", make, progress)
    facts: Mapping[str, Any] = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    found = fitted(Classes(tuple(facts["values"]), tuple(facts["names"])))
    table = torch.tensor(found.table)
    train, validation, test, calibration = (preparer.samples(folder / name, table) for name in PARTS)
    description = "; ".join(filter(None, (facts["description"], found.note)))
    return LabelledSets(train, validation, test, calibration, found.classes, description, key)


def _drawn(rows: RowsT, count: int | None, seed: int) -> RowsT:
    return rows if count is None or count >= len(rows) else rows.pick(drawn(len(rows), count, seed).tolist())
