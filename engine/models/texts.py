"""A data set as three sets of labelled texts that have no text in common."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.models.cache import Progress
from engine.models.columns import Columns, find_columns
from engine.models.hub import hub_problem
from engine.models.labelled import Labelled, classes_among
from engine.models.opening import FORMATS, format_of, name_of
from engine.models.sources import locate
from engine.models.splits import SPLITS, Found, Sets, Split, name_of_split, split_sets
from engine.models.tables import read_columns, shown

TextRow = str | tuple[str, str]
"""What the model reads of a row: a text, or a pair of them."""

_NOT_DATA = {"config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}


@dataclass(frozen=True, slots=True)
class LabelledTexts:
    """Texts and their classes, as long as each other; with `seconds` a row is a pair of texts."""

    texts: list[str]
    labels: list[int]
    seconds: list[str] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def pick(self, indices: Iterable[int]) -> "LabelledTexts":
        """Some of them, in the order given."""
        chosen = list(indices)
        seconds = None if self.seconds is None else [self.seconds[i] for i in chosen]
        return LabelledTexts([self.texts[i] for i in chosen], [self.labels[i] for i in chosen], seconds)

    @property
    def rows(self) -> Sequence[Any]:
        """What the model reads of each row: a text, or a pair of them."""
        return self.texts if self.seconds is None else list(zip(self.texts, self.seconds, strict=True))


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
) -> Sets[LabelledTexts]:
    """Read a source and make three sets of it: a set it lacks is drawn from train, a tenth of it, by seed.

    A text that occurs in several sets stays in the last of train, validation, test and leaves the others. A validation
    or test split without labels is left out.

    Raises:
        InputError: as `find_files`, a missing column, a row without text or label, or too few texts.
    """
    return split_sets(read_splits(find_files(source, progress), source, text_column, label_column), source, seed)


def read_splits(
    files: Mapping[Split, Sequence[Path]],
    source: str,
    text_column: str | None = None,
    label_column: str | None = None,
) -> Found[LabelledTexts]:
    """The splits that `find_files` found, read in full.

    Raises:
        InputError: a file that cannot be read, or a row that cannot be used; the sentence names it.
    """
    found: dict[Split, Labelled[TextRow]] = {}
    pairs: set[bool] = set()
    first = None
    for split, parts in files.items():
        rows = found[split] = Labelled[TextRow]()
        for part in parts:
            columns = find_columns(part, text_column, label_column, labelled=split == "train")
            first = first or columns
            pairs.add(len(columns.texts) == 2)
            _read(part, columns, rows)
    read = sum(len(rows.rows) for rows in found.values())
    classes, labels, left_out = classes_among(found, source)
    if len(pairs) > 1:
        raise InputError(f"some files of {source} have two texts in a row and others one; name them with text_column.")
    splits = {split: _texts(rows.rows, labels[split]) for split, rows in found.items()}
    assert first is not None  # there is a train set, of a file at least
    return Found(splits, classes, read, f"{' with '.join(first.texts)}, {first.label}", "text", left_out)


def _read(file: Path, columns: Columns, rows: Labelled[TextRow]) -> None:
    """Adds a file's rows."""
    values = read_columns(file, [*columns.texts, *([columns.label] if columns.label is not None else [])])
    texts = [
        [_text(file, row, name, value) for row, value in enumerate(values[name], start=1)] for name in columns.texts
    ]
    read: list[TextRow] = list(zip(*texts, strict=True)) if len(texts) == 2 else list(texts[0])
    rows.add(file, read, columns.label, values[columns.label] if columns.label is not None else [])


def _texts(rows: list[TextRow], labels: list[int]) -> LabelledTexts:
    pairs = [row for row in rows if not isinstance(row, str)]
    if not pairs:
        return LabelledTexts([row for row in rows if isinstance(row, str)], labels)
    return LabelledTexts([first for first, _ in pairs], labels, [second for _, second in pairs])


def _text(file: Path, row: int, column: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(
            f"row {row} of {file} has {shown(value)} in column {column}, which is not text; fix the row, or name "
            "another column with text_column."
        )
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InputError(
                f"row {row} of {file} has half a character (a lone surrogate) in column {column}; fix the row."
            ) from None
    return value


def _in_folder(folder: Path) -> dict[Split, tuple[Path, ...]]:
    for files in (_data_files(folder.glob("*")), _data_files(folder.glob("*/*"))):
        named = {split: parts for split in SPLITS if (parts := _of_one_format(files, split, folder))}
        if "train" in named:
            homes = {file.parent for file in named["train"] if name_of_split(file.parent.name) is None}
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
    """Those that hold data, in order; of a file that lies there packed as well, the plain one."""
    files = sorted(path for path in paths if path.is_file() and not path.name.startswith("."))
    data = {file.with_name(name_of(file) + format_of(file)): file for file in reversed(files) if format_of(file)}
    return [file for file in reversed(data.values()) if file.name not in _NOT_DATA]


def _of_one_format(files: Iterable[Path], split: Split, folder: Path) -> tuple[Path, ...]:
    """The files of a split, all of one format: the first there is in the order of FORMATS."""
    mine = [file for file in files if _split_of(file, folder) == split]
    for suffix in FORMATS:
        if chosen := [file for file in mine if format_of(file) == suffix]:
            return tuple(chosen)
    return ()


def _split_of(file: Path, root: Path) -> Split | None:
    return name_of_split(name_of(file)) or (name_of_split(file.parent.name) if file.parent != root else None)


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
        if (split := name_of_split(key)) is not None and split not in found:
            found[split] = tuple(Path(file["filename"]) for file in rows.cache_files)
    if "train" not in found:
        raise InputError(f"{name} has no train split; it has {', '.join(splits)}.")
    return found
