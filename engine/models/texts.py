"""A data set as three sets of labelled texts that have no text in common."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from engine.errors import InputError
from engine.models.cache import Progress
from engine.models.hub import hub_problem
from engine.models.sources import DATA_SUFFIXES, locate
from engine.models.tables import find_columns, read_labels, read_texts

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
_NAMES: tuple[tuple[Split, str], ...] = (
    ("train", "train|training"),
    ("validation", "validation|valid|val|dev"),
    ("test", "test|testing"),
)
CUT = 0.1
LARGEST_CUT = 10_000
_NOT_DATA = {"config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}


@dataclass(frozen=True, slots=True)
class LabelledTexts:
    """Texts and their classes, as long as each other."""

    texts: list[str]
    labels: list[int]

    def __len__(self) -> int:
        return len(self.texts)

    def pick(self, indices: Iterable[int]) -> "LabelledTexts":
        """Some of them, in the order given."""
        chosen = list(indices)
        return LabelledTexts([self.texts[i] for i in chosen], [self.labels[i] for i in chosen])


@dataclass(frozen=True, slots=True)
class Texts:
    """The three sets. `description` says in a sentence how they came about."""

    train: LabelledTexts
    validation: LabelledTexts
    test: LabelledTexts
    description: str


def find_files(source: str, progress: Progress | None = None) -> dict[Split, tuple[Path, ...]]:
    """The files of each split a source has. Files of a hub data set are downloaded, those of `builtin` made.

    A single file is a train split; in a folder, or its direct subfolders, splits are known by the names of files
    (`train.parquet`, `test-00000-of-00001.parquet`) or of subfolders.

    Raises:
        InputError: nothing there, no train split, or the hub does not give it.
    """
    located = locate(source)
    if located.kind == "builtin":
        from engine.models.builtin import data_folder

        return _in_folder(data_folder(progress))
    if located.kind == "hub":
        return _from_hub(located.name, located.part)
    return {"train": (located.path,)} if located.path.is_file() else _in_folder(located.path)


def load_texts(
    source: str,
    seed: int,
    text_column: str | None = None,
    label_column: str | None = None,
    progress: Progress | None = None,
) -> Texts:
    """Read a source and make three sets of it: a set it lacks is drawn from train, a tenth of it, by seed.

    A text that occurs in several sets stays in the last of train, validation, test and leaves the others.

    Raises:
        InputError: as `find_files`, a missing column, a label that is not an integer, or too few texts.
    """
    return split_texts(read_splits(find_files(source, progress), text_column, label_column), source, seed)


def read_splits(
    files: Mapping[Split, Sequence[Path]], text_column: str | None = None, label_column: str | None = None
) -> dict[Split, LabelledTexts]:
    """The splits that `find_files` found, read in full."""
    found: dict[Split, LabelledTexts] = {}
    for split, parts in files.items():
        read = found[split] = LabelledTexts([], [])
        for part in parts:
            text, label = find_columns(part, text_column, label_column)
            read.texts.extend(read_texts([part], text))
            read.labels.extend(read_labels([part], label))
    return found


def split_texts(found: Mapping[Split, LabelledTexts], source: str, seed: int) -> Texts:
    """Three sets from what a source called `source` has, as `load_texts` says."""
    found = dict(found)
    cut = [split for split in SPLITS if split not in found]
    train, generator = found["train"], np.random.default_rng(seed)
    size = min(LARGEST_CUT, max(1, round(CUT * len(train))))
    for split in cut:
        order = generator.permutation(len(train)).tolist()
        found[split] = train.pick(sorted(order[:size]))
        train = train.pick(sorted(order[size:]))
    test = found["test"]
    validation = _without(found["validation"], test)
    kept = _without(train, test, validation)
    if not (len(kept) and len(validation) and len(test)):
        raise InputError(f"{source} has too few different texts for a train, a validation and a test set; add rows.")
    dropped = len(train) - len(kept) + len(found["validation"]) - len(validation)
    return Texts(kept, validation, test, _describe((len(kept), len(validation), len(test)), cut, seed, dropped))


def _without(texts: LabelledTexts, *others: LabelledTexts) -> LabelledTexts:
    taken = {text for other in others for text in other.texts}
    return texts.pick(i for i, text in enumerate(texts.texts) if text not in taken)


def _describe(sizes: tuple[int, int, int], cut: list[Split], seed: int, dropped: int) -> str:
    sets = (
        f"{size:,} {split}" + (f" (drawn from train with seed {seed})" if split in cut else "")
        for split, size in zip(SPLITS, sizes, strict=True)
    )
    repeated = f"; {dropped:,} left out of train or validation because another set holds the same text"
    return ", ".join(sets) + (repeated if dropped else "")


def _in_folder(folder: Path) -> dict[Split, tuple[Path, ...]]:
    for files in (_data_files(folder.glob("*")), _data_files(folder.glob("*/*"))):
        found = {split: tuple(file for file in files if _split_of(file, folder) == split) for split in SPLITS}
        named = {split: parts for split, parts in found.items() if parts}
        if "train" in named:
            homes = {file.parent for file in named["train"] if _name_of(file.parent.name) is None}
            if len(homes) > 1:
                names = ", ".join(sorted(home.name for home in homes))
                raise InputError(f"{folder} holds several data sets ({names}); name one of these folders.")
            return named
        if len(files) == 1 and not named:
            return {"train": tuple(files)}
        if files:
            raise InputError(f"no file in {folder} is called train; rename one (train.csv, test.csv) or name one file.")
    raise InputError(f"{folder} holds no data; it needs a file such as train.parquet, train.csv or train.jsonl.")


def _data_files(paths: Iterable[Path]) -> list[Path]:
    """Those that hold data, in order, all of one format: the first there is in the order of DATA_SUFFIXES."""
    files = sorted(path for path in paths if path.is_file() and not path.name.startswith("."))
    for suffix in DATA_SUFFIXES:
        if chosen := [file for file in files if file.suffix.lower() == suffix and file.name not in _NOT_DATA]:
            return chosen
    return []


def _split_of(file: Path, root: Path) -> Split | None:
    return _name_of(file.stem) or (_name_of(file.parent.name) if file.parent != root else None)


def _name_of(name: str) -> Split | None:
    for split, pattern in _NAMES:
        if re.search(rf"(?:^|[^a-z])(?:{pattern})(?:[^a-z]|$)", name.lower()):
            return split
    return None


def _from_hub(name: str, part: str | None) -> dict[Split, tuple[Path, ...]]:
    """Downloaded once and kept by `datasets` as Arrow files; the network is not needed after that."""
    import datasets

    try:
        splits: Mapping[str, datasets.Dataset] = datasets.load_dataset(name, part)
    except ValueError as error:
        raise InputError(f"{name} cannot be loaded ({error}); a configuration is named as {name}:part.") from None
    except Exception as error:
        raise hub_problem(name, "dataset", error) from None
    found: dict[Split, tuple[Path, ...]] = {}
    for key, rows in splits.items():
        if (split := _name_of(key)) is not None and split not in found:
            found[split] = tuple(Path(file["filename"]) for file in rows.cache_files)
    if "train" not in found:
        raise InputError(f"{name} has no train split; it has {', '.join(splits)}.")
    return found
