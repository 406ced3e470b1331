"""Running text: files and tables of it as train, validation and test sets. No torch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import InputError
from engine.models.cache import Progress
from engine.models.opening import format_of
from engine.models.sources import locate
from engine.models.splits import SPLITS, Split, name_of_split
from engine.models.tables import column_names, read_columns
from engine.models.texts import find_files

PLAIN = (".txt", ".text", ".md", ".raw")
JOINT = "\n\n"
"""What stands between two rows, or two files, as the literature joins WikiText."""
SHARES = (0.8, 0.1, 0.1)
_TEXTS = ("text", "content", "document", "sentence", "review", "page", "body")
_LABELS = re.compile(r"labels?|class|target|category|sentiment", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Corpus:
    """The text of each set that there is; `description` says in a sentence what was read."""

    texts: Mapping[Split, str]
    description: str


def corpus_files(source: str, progress: Progress | None = None) -> Mapping[Split | None, tuple[Path, ...]]:
    """The files of each set; one file that no set is named after stands under None and is cut into three.

    A file of text that is named after a set (`test.txt`) is that set alone.

    Raises:
        InputError: nothing there that holds text, or the hub does not give it.
    """
    located = locate(source)
    if located.kind == "builtin":
        from engine.models.builtin import data_folder

        return _splits(str(data_folder(progress)), None)
    if located.kind == "hub":
        return _splits(source, progress)
    path = located.path
    if path.is_file():
        if path.suffix.lower() not in PLAIN and not format_of(path):
            raise InputError(f"{source} is no text that labtui reads; give a .txt file or a table with a text column.")
        return {name_of_split(path.stem): (path,)}
    plain = sorted(one for one in path.glob("*") if one.is_file() and one.suffix.lower() in PLAIN)
    if not plain:
        return _splits(source, progress)
    named: dict[Split | None, tuple[Path, ...]] = {}
    for one in plain:
        split = name_of_split(one.stem)
        named[split] = (*named.get(split, ()), one)
    if set(named) - {None}:
        named.pop(None, None)  # a README beside the sets
    return named


def _splits(source: str, progress: Progress | None) -> Mapping[Split | None, tuple[Path, ...]]:
    """The files of a table's sets; a single table is cut into three."""
    found = find_files(source, progress)
    if set(found) == {"train"} and len(found["train"]) == 1:
        return {name_of_split(found["train"][0].stem): found["train"]}
    return {split: found[split] for split in found}


def read_corpus(
    files: Mapping[Split | None, tuple[Path, ...]], source: str, text_column: str | None, *, labels: bool = False
) -> Corpus:
    """The texts of these files. A table with labels is refused unless its `text_column` is named or `labels` may be.

    Raises:
        InputError: a file that cannot be read, is empty, or is a table whose column of text cannot be told.
    """
    labels = labels or locate(source).kind == "builtin"
    texts: dict[Split, str] = {}
    said = []
    for split in (*SPLITS, None):
        if split not in files:
            continue
        text = JOINT.join(_read(file, text_column, labels) for file in files[split])
        if not text.strip():
            raise InputError(f"{source} holds no text; name a file that does.")
        if split is not None:
            texts[split] = text
            said.append(f"{len(text):,} characters of {split}")
        elif not texts:
            texts = _cut(text)
            said.append(f"{len(text):,} characters, cut 80:10:10 into train, validation and test")
    return Corpus(texts, f"{', '.join(said)} read")


def _cut(text: str) -> dict[Split, str]:
    """Three pieces one after the other."""
    first = round(SHARES[0] * len(text))
    second = first + round(SHARES[1] * len(text))
    return {"train": text[:first], "validation": text[first:second], "test": text[second:]}


def _read(file: Path, text_column: str | None, labels: bool) -> str:
    if file.suffix.lower() in PLAIN:
        try:
            return file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{file} is no UTF-8 text (byte {error.start:,}); save it as UTF-8, for example with iconv."
            ) from None
        except OSError as error:
            raise InputError(f"{file} cannot be read: {error.strerror}.") from None
    names = column_names(file)
    labelled = next((name for name in names if _LABELS.fullmatch(name)), None)
    if labelled is not None and text_column is None and not labels:
        raise InputError(
            f"{file} has labels (column {labelled}), and a causal language model is scored on running text; name its "
            "column with text_column to read it as that, or take a text classifier."
        )
    column = text_column or next((name for name in _TEXTS if name in names), names[0] if len(names) == 1 else None)
    if column is None:
        raise InputError(f"{file} has the columns {', '.join(names)}; name the one with the text: text_column.")
    values = read_columns(file, [column])[column]
    for row, value in enumerate(values, start=1):
        if value is not None and not isinstance(value, str):
            raise InputError(f"row {row} of {file} has no text in column {column}; name another with text_column.")
    return JOINT.join(value or "" for value in values)
