"""A data set read before anything starts: what there is, what is used and why, and how it fits a model's classes."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from engine.errors import InputError
from engine.models.digests import fingerprint
from engine.models.image_files import find_images, read_images
from engine.models.labels import Classes, Fit, Head, fit
from engine.models.sources import locate
from engine.models.splits import Sets, split_sets
from engine.models.texts import find_files, load_texts
from engine.runtime.files import private_folder, read_private, replace
from engine.runtime.home import cache_dir

LAYOUT = 1


@dataclass(frozen=True, slots=True)
class Survey:
    """The classes of a data set, and what was read of it and used, in a sentence."""

    classes: Classes
    description: str


def survey(
    source: str,
    seed: int,
    text_column: str | None = None,
    label_column: str | None = None,
    *,
    anywhere: bool = False,
) -> Survey | None:
    """What a data set holds, read in full; None of `builtin` and the hub, whose data may not be here yet, unless it
    may come from `anywhere`.

    Of files that have not changed the cache tells.

    Raises:
        InputError: the first thing that would stop a worker.
    """
    if locate(source).kind != "local" and not anywhere:
        return None
    files = find_files(source)
    counts = {split: len(parts) for split, parts in files.items()}
    key = fingerprint(
        [LAYOUT, counts, seed, text_column, label_column], [path for parts in files.values() for path in parts]
    )
    return noted(key, lambda: load_texts(source, seed, text_column, label_column))


def image_survey(
    source: str, seed: int, image_column: str | None = None, label_column: str | None = None, *, anywhere: bool = False
) -> Survey | None:
    """The same of a data set of images: their headers are looked at, none is decoded.

    Raises:
        InputError: the first thing that would stop a worker.
    """
    if locate(source).kind != "local" and not anywhere:
        return None
    files = find_images(source)
    key = files.key([LAYOUT, "images", seed, image_column, label_column])
    return noted(key, lambda: split_sets(read_images(files, source, image_column, label_column), source, seed))


def noted(key: str, read: Callable[[], Sets[Any]]) -> Survey:
    """What the sets that `read` gives hold; under a key that was known before it is not called."""
    try:
        note = private_folder(cache_dir() / "surveys") / f"{key}.json"
        facts = json.loads(read_private(note))
        return Survey(Classes(tuple(facts["values"]), tuple(facts["names"])), facts["description"])
    except (OSError, ValueError, LookupError, TypeError):
        sets = read()
    facts = {"values": sets.classes.values, "names": sets.classes.names, "description": sets.description}
    with suppress(OSError):  # on a full disk it is read again next time
        replace(note, json.dumps(facts).encode())
    return Survey(sets.classes, sets.description)


def fitted(
    found: Survey, head: Head | None, data: str, model: str, first: int | None, *, new_head: bool = False
) -> tuple[Fit, bool]:
    """The classes of the data as those of the model, and whether they are a new head's, which only `new_head` allows.

    Raises:
        InputError: the model's head does not tell these classes apart.
    """
    try:
        return fit(found.classes, head, data, model, first), head is None
    except InputError:
        if not new_head or head is None:
            raise
        return fit(found.classes, None, data, model, first), True
