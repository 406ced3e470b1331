"""Models and data that are at hand: built in, used before, made by runs, lying on this machine, known by name."""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from engine.errors import InputError
from engine.experiments.chain import pinned
from engine.runtime.chain import PREFIX
from tui_app.runs.summary import Summary
from tui_app.screens.pickers import Option

KNOWN = {
    "model": Option("distilbert/distilbert-base-uncased-finetuned-sst-2-english", "Hugging Face"),
    "data": Option("stanfordnlp/imdb", "Hugging Face"),
}
LOOKED_AT = 400
MADE = 20  # models of runs that are offered


def at_hand(kind: str, runs: Iterable[Summary], folder: Path) -> list[Option]:
    """Options for a field `model` or `data`, the likeliest first. Walks through folders: not for the event loop."""
    from engine.models.nearby import nearby

    newest = sorted(runs, key=lambda run: (run.created, run.id), reverse=True)
    options = [Option("builtin", "made on first use, no network")]
    if kind == "model":
        options += islice(_made(newest), MADE)
    options += [Option(used, "used before") for run in newest if (used := run.model if kind == "model" else run.data)]
    _, *lying = nearby("model" if kind == "model" else "data", folder)  # the first is builtin again
    options += [Option(str(Path(path).relative_to(folder)), "in this folder") for path in lying]
    options.append(KNOWN[kind])
    first: dict[str, Option] = {}
    for option in options:
        first.setdefault(option.value, option)
    return list(first.values())


def entries(text: str) -> list[Option]:
    """What lies in the folder that the typed path names or begins to name."""
    if "/" not in text:
        return []
    folder = Path(text).expanduser() if text.endswith("/") else Path(text).expanduser().parent
    try:
        with os.scandir(folder) as found:
            names = sorted(entry.name + ("/" if entry.is_dir() else "") for entry in found)
    except OSError:
        return []
    return [Option(str(folder / name) + ("/" if name.endswith("/") else ""), "path") for name in names[:LOOKED_AT]]


def _made(runs: Sequence[Summary]) -> Iterator[Option]:
    """What each run that keeps models has chosen."""
    for run in runs:
        if any((run.path / "artifacts" / "points").glob("*/model")):
            try:
                yield Option(pinned(PREFIX + run.id), f"best of {run.experiment} {run.name}")
            except (InputError, ValueError, LookupError, TypeError, OSError):  # of another version, or gone meanwhile
                continue
