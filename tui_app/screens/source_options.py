"""Models, data and curves that are at hand: built in, used before, made by runs, on this machine, known by name."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal

from engine.errors import InputError
from engine.experiments.results import pinned
from engine.models.discovery import Kind, built_in, found_near, holds, reads
from engine.runtime.paths import existing, expanded
from engine.runtime.references import PREFIX, keeps_models
from tui_app.runs.summary import Summary
from tui_app.screens.pickers import Option, PickScreen

Sources = Literal["model", "data"]

KNOWN = {
    "model": Option("distilbert/distilbert-base-uncased-finetuned-sst-2-english", "Hugging Face"),
    "data": Option("stanfordnlp/imdb", "Hugging Face"),
}
HELD = {"model": "model", "data": "folder of data", "curve": "folder of event files"}
LOOKED_AT = 400
MADE = 20  # models of runs that are offered


def at_hand(kind: Sources, runs: Iterable[Summary], folder: Path) -> list[Option]:
    """Options for a field `model` or `data`, the likeliest first. Walks through folders: not for the event loop."""
    newest = sorted(runs, key=lambda run: (run.created, run.id), reverse=True)
    options = [Option(name, "made on first use, no network") for name in built_in(kind)]
    if kind == "model":
        options += islice(_made(newest), MADE)
    options += [Option(used, "used before") for run in newest if (used := run.model if kind == "model" else run.data)]
    options += [Option(str(Path(path).relative_to(folder)), "in this folder") for path in found_near(kind, folder)]
    options.append(KNOWN[kind])
    first: dict[str, Option] = {}
    for option in options:
        first.setdefault(option.value, option)
    return list(first.values())


def picker(
    kind: Sources, title: str, runs: Iterable[Summary], *, finetune: Callable[[str], None] | None = None
) -> PickScreen:
    """A dialog that lists what is at hand and walks through folders."""
    known = list(runs)
    return PickScreen(
        title,
        load=lambda: at_hand(kind, known, _here()),
        more=partial(entries, kind),
        typed=partial(typed, kind),
        finetune=finetune,
    )


def curve_picker(others: Sequence[Option]) -> PickScreen:
    """A dialog for a file or folder with curves, which offers something else first."""
    return PickScreen(
        "Lay a curve beside: a table, a TensorBoard folder", others, more=_curves, typed=partial(typed, "curve")
    )


def _curves(text: str) -> list[Option]:
    """As `entries`; a folder that holds folders of curves can be taken as a whole."""
    listed = entries("curve", text)
    several = text.endswith("/") and any(option.note == HELD["curve"] for option in listed)
    return [Option(text.rstrip("/"), "all of its folders")] * several + listed


def _here() -> Path:
    """The folder that the app was started in; the root where it has been deleted."""
    try:
        return Path.cwd()
    except OSError:
        return Path("/")


def entries(kind: Kind, text: str) -> list[Option]:
    """What can be taken or gone into in the folder that the typed path names or begins to name.

    Models are folders with config.json. Hidden ones are listed once their dot is typed.
    """
    above, slash, name = text.rpartition("/")
    try:
        with os.scandir(expanded(above + slash or ".")) as found:
            seen = sorted(islice(found, LOOKED_AT), key=lambda entry: entry.name)
    except (OSError, ValueError):
        return []
    visible = [entry for entry in seen if name.startswith(".") or not entry.name.startswith((".", "__"))]
    return [one for entry in visible if (one := _entry(kind, entry, above + slash)) is not None]


def _entry(kind: Kind, entry: "os.DirEntry[str]", above: str) -> Option | None:
    try:
        if entry.is_dir():
            return _folder(kind, above + entry.name)
    except OSError:
        return None
    return Option(above + entry.name, "file") if reads(kind, entry.name) else None


def _folder(kind: Kind, text: str) -> Option:
    """A folder that holds what is wanted is an answer, any other one is gone into."""
    try:
        with os.scandir(expanded(text)) as found:
            names = {entry.name for entry in islice(found, LOOKED_AT)}
    except OSError:
        return Option(text + "/", "folder that cannot be read", opens=True)
    if holds(kind, names):
        return Option(text, HELD[kind])
    return Option(text + "/", "folder, enter opens it", opens=True)


def typed(kind: Kind, text: str) -> Option:
    """What the text stands for by itself: a folder that holds nothing of the kind is gone into."""
    path = existing(text)
    return _folder(kind, text.rstrip("/") or "/") if path is not None and path.is_dir() else Option(text, "as typed")


def _made(runs: Sequence[Summary]) -> Iterator[Option]:
    """What each run that keeps models has chosen."""
    for run in runs:
        if keeps_models(run.path):
            try:
                yield Option(pinned(PREFIX + run.id), f"best of {run.experiment} {run.name}")
            except (InputError, ValueError, LookupError, TypeError, OSError):  # of another version, or gone meanwhile
                continue
