"""From labels as people write them (whole numbers, words, yes and no) to the classes 0, 1, … of a model."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.errors import InputError

Label = int | str
UNLABELLED = -1
"""What data sets put where a row has no label."""
LARGEST = 10**9
MOST_CLASSES = 10_000
_INTEGER = re.compile(r"[+-]?\d+(?:\.0*)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_PLAIN = re.compile(r"LABEL_\d+")  # what transformers calls a class that has no name
_TRUTH = {"false": 0, "true": 1}
_NAMED = 8  # classes that a sentence names


def label_of(value: Any) -> Label | None:
    """A row's label: a whole number, or a word without spaces around it; None where there is none.

    Raises:
        ValueError: it is neither; the message says why.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        word = value.strip()
        if _INTEGER.fullmatch(word):
            return _bounded(word.partition(".")[0])
        if _NUMBER.fullmatch(word):
            raise ValueError("which is no class but a quantity")
        return word or None
    if isinstance(value, float) and not value.is_integer():
        raise ValueError("which is no class but a quantity")
    if isinstance(value, int | float):
        return _bounded(value)
    raise ValueError("which is not one class")


def _bounded(value: str | float) -> int:
    if (isinstance(value, str) and len(value) > 12) or abs(number := int(value)) > LARGEST:
        raise ValueError("which is too large for the number of a class")
    return number


@dataclass(frozen=True, slots=True)
class Classes:
    """The labels that occur, in order: all whole numbers, or all words. `names` are those of all numbers."""

    values: tuple[Label, ...]
    names: tuple[str, ...] = ()

    @property
    def words(self) -> bool:
        """Whether the labels are words."""
        return isinstance(self.values[0], str)


@dataclass(frozen=True, slots=True)
class Head:
    """What a trained classifier tells apart: how many classes, and their names where its config gives any."""

    classes: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fit:
    """The model's class of each value of `Classes`, of how many, by what names, and what is to be said of it."""

    table: tuple[int, ...]
    classes: int
    names: tuple[str, ...] = ()
    note: str = ""


def classes_of(places: Mapping[Label, str], names: Sequence[str] = ()) -> tuple[Classes, dict[Label, int]]:
    """The classes of all labels that occur, and which value each label has; `places` says where it occurs first.

    Words that differ in case alone are one class, and `true` and `false` are 1 and 0.

    Raises:
        InputError: words and numbers mixed, a negative number, or more classes than anything can tell apart.
    """
    alike = {label: _TRUTH[str(label).lower()] for label in places if str(label).lower() in _TRUTH}
    if len(alike) == len(places) or all(isinstance(label, int) or label in alike for label in places):
        places = {alike.get(label, label): place for label, place in places.items()}
    else:
        alike = {}
    words = [label for label in places if isinstance(label, str)]
    numbers = [label for label in places if isinstance(label, int)]
    if words and numbers:
        word, number = words[0], numbers[0]
        raise InputError(
            f"labels are numbers or words, and here both: {places[number]} has {number}, {places[word]} has "
            f"{_short(word)}; write all of them alike."
        )
    for number in numbers:
        if number < 0:
            raise InputError(
                f"{places[number]} has the label {number} among labelled rows; data sets write -1 where there is no "
                "label: remove such rows, or number the classes 0, 1, …."
            )
    if len(places) > MOST_CLASSES:
        raise InputError(f"the labels have {len(places):,} different values; name the column of classes: label_column.")
    if not words:
        values = sorted(numbers)
        index: dict[Label, int] = {number: place for place, number in enumerate(values)}
        return Classes(tuple(values), tuple(names)), index | {label: index[value] for label, value in alike.items()}
    spelled: dict[str, str] = {}
    for word in sorted(words):
        spelled.setdefault(word.casefold(), word)
    order = sorted(spelled.values())
    return Classes(tuple(order)), {word: order.index(spelled[word.casefold()]) for word in words}


def fit(classes: Classes, head: Head | None, data: str, model: str, first: int | None = None) -> Fit:
    """The classes of the data as classes of a model; without a head, of a new one that is made for them.

    `first` is the label of the first class; None takes 1 where labels start at 1, else 0.

    Raises:
        InputError: the model tells fewer classes apart, or its class names are not those of the data.
    """
    names = head.names if head is not None else ()
    found = _by_name(classes, names, data, model)
    if found is None:
        found = _words(classes, head, data, model) if classes.words else _numbers(classes, head, data, model, first)
    if head is None or len(classes.values) == head.classes:
        return found
    some = f"{len(classes.values)} of the model's {head.classes} classes occur"
    return replace(found, note="; ".join(filter(None, (found.note, some))))


def _by_name(classes: Classes, names: Sequence[str], data: str, model: str) -> Fit | None:
    """By the model's own class names; None where the data has other names, or none."""
    known = _distinct(names)
    told = [
        classes.names[value] if not isinstance(value, str) and value < len(classes.names) else str(value)
        for value in classes.values
    ]
    found = [known.get(_normal(name)) for name in told]
    if None not in found:
        table = tuple(place for place in found if place is not None)
        same = table == classes.values
        pairs = ", ".join(f"{name} → {place}" for name, place in list(zip(told, table, strict=True))[:_NAMED])
        return Fit(table, len(names), tuple(names), "" if same else f"classes by the model's names: {pairs}")
    if classes.words and any(place is not None for place in found):
        strange = next(name for name, place in zip(told, found, strict=True) if place is None)
        raise InputError(
            f"{data} has the label {_short(strange)}, and the classes of {model} are {_list(names)}; rename it, or "
            "fine-tune a model for these classes: labtui run finetune."
        )
    return None


def _words(classes: Classes, head: Head | None, data: str, model: str) -> Fit:
    names = tuple(map(str, classes.values))
    if head is not None and len(names) > head.classes:
        raise outside(f"{data} has {len(names)} classes ({_list(names)})", model, head)
    order = ", ".join(f"{name} → {place}" for place, name in enumerate(names[:_NAMED]))
    more = ", …" if len(names) > _NAMED else ""
    plain = head is None or all(_PLAIN.fullmatch(name) for name in head.names)
    other = "" if head is None or plain else f"; the model calls its own {_list(head.names)}"
    count = len(names) if head is None else head.classes
    return Fit(tuple(range(len(names))), count, names, f"classes in alphabetical order: {order}{more}{other}")


def _numbers(classes: Classes, head: Head | None, data: str, model: str, first: int | None) -> Fit:
    values = [value for value in classes.values if isinstance(value, int)]
    start = first if first is not None else int(values[0] == 1 and not classes.names)
    table = [value - start for value in values]
    if table[0] < 0:
        raise InputError(f"{data} has the label {values[0]}, below first_label={start}; leave first_label empty.")
    note = f"labels start at {start} and count from 0 here" if start else ""
    if head is not None:
        if table[-1] >= head.classes:
            raise outside(f"{data} has the label {values[-1]}", model, head)
        return Fit(tuple(table), head.classes, head.names, note)
    if classes.names:
        return Fit(tuple(table), max(len(classes.names), table[-1] + 1), classes.names)
    if table[-1] + 1 > len(table):
        note = f"labels {_list(list(map(str, values)))} are the classes 0 to {len(values) - 1}"
        table = list(range(len(values)))
    return Fit(tuple(table), len(table), (), note)


def outside(what: str, model: str, head: Head) -> InputError:
    """The sentence for data with more classes than a model."""
    return InputError(
        f"{what} and {model} tells {head.classes} classes apart (0 to {head.classes - 1}); fine-tune it on these data "
        "first (labtui run finetune gives it a new head), or take another model or other data."
    )


def _distinct(names: Sequence[str]) -> dict[str, int]:
    """Places by name as it is compared; none where two names would be the same."""
    places = {_normal(name): place for place, name in enumerate(names)}
    return places if len(places) == len(names) else {}


def _normal(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name.casefold()).strip()


def _list(names: Iterable[str]) -> str:
    words = [_short(name) for name in names]
    return ", ".join(words[:_NAMED]) + (", …" if len(words) > _NAMED else "")


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:39]}…"
