"""Which columns of a file hold the texts, one or a pair, and which the label: by name, or as the user says."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import InputError
from engine.models.tables import column_names, image_columns

TEXT_NAMES = ("text", "sentence", "review", "content", "comment", "document", "body", "tweet", "question")
PAIRS = (
    ("sentence1", "sentence2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("text", "text_pair"),
    ("text1", "text2"),
    ("sentence_a", "sentence_b"),
)
"""As GLUE and its relatives call the two texts of a row."""
LABEL_NAMES = ("label", "labels", "class", "target", "sentiment", "category", "gold_label", "stars", "rating")
IMAGE_NAMES = ("image", "img", "images", "picture", "photo", "pixels")


@dataclass(frozen=True, slots=True)
class Columns:
    """The names of one or two text columns and of the label column, None where a split without labels has none."""

    texts: tuple[str, ...]
    label: str | None


def find_columns(file: Path, text: str | None = None, label: str | None = None, *, labelled: bool = True) -> Columns:
    """Those told, otherwise found by name, whatever their case; two text columns are told as `first,second`.

    Raises:
        InputError: the file cannot be read or lacks such a column; the sentence lists the columns it has.
    """
    present = column_names(file)
    texts = _texts(file, present, text)
    found = _label(present, label)
    if found is None and labelled:
        raise _missing(file, present, label, "label")
    if found in texts:
        raise InputError(
            f"text_column and label_column are both {found} in {file}; name the column that holds the texts."
        )
    return Columns(texts, found)


def find_image_columns(
    file: Path, image: str | None = None, label: str | None = None, *, labelled: bool = True
) -> tuple[str, str | None]:
    """The column of images, told or found by what it holds and by name, and that of labels likewise.

    Raises:
        InputError: the file cannot be read or lacks such a column; the sentence lists the columns it has.
    """
    present, able = column_names(file), image_columns(file)
    found = _label(present, label)
    if found is None and labelled:
        raise _missing(file, present, label, "label")
    if image is not None:
        if image.strip() not in present:
            raise _missing(file, present, image, "image")
        if image.strip() not in able:
            raise InputError(
                f"column {image.strip()} of {file} holds no images; its columns are {', '.join(present)}: name another "
                "with image_column."
            )
        return image.strip(), found
    by_name = _by_name(able)
    named = [by_name[name] for name in IMAGE_NAMES if name in by_name] or (able if len(able) == 1 else [])
    if not named:
        raise _missing(file, present, None, "image")
    return named[0], found


def _texts(file: Path, present: Sequence[str], told: str | None) -> tuple[str, ...]:
    if told is not None and told.strip() in present:
        return (told.strip(),)
    if told is not None:
        words = tuple(word.strip() for word in told.split(","))
        for word in words:
            if word not in present:
                raise _missing(file, present, word, "text")
        if len(words) != 2 or words[0] == words[1]:
            raise InputError(f"text_column takes one column or two different ones, as sentence1,sentence2; not {told}.")
        return words
    by_name = _by_name(present)
    for pair in PAIRS:
        if all(name in by_name for name in pair):
            return tuple(by_name[name] for name in pair)
    for name in TEXT_NAMES:
        if name in by_name:
            return (by_name[name],)
    raise _missing(file, present, None, "text")


def _label(present: Sequence[str], told: str | None) -> str | None:
    if told is not None:
        return told.strip() if told.strip() in present else None
    by_name = _by_name(present)
    return next((by_name[name] for name in LABEL_NAMES if name in by_name), None)


def _by_name(present: Sequence[str]) -> dict[str, str]:
    return {name.lower(): name for name in reversed(present)}


def _missing(file: Path, present: Sequence[str], told: str | None, role: str) -> InputError:
    what = f"no column {told}" if told is not None else f"no {role} column of a usual name"
    return InputError(f"{file} has {what}; its columns are {', '.join(present)}: name one with {role}_column.")
