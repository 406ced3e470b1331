"""Models and data that are at hand: built in, used before, made by runs, lying on this machine, known by name."""

import os
from collections.abc import Iterable
from pathlib import Path

from engine.errors import InputError
from engine.experiments import results
from engine.runtime.records import RunRecord
from tui_app.screens.pickers import Option

KNOWN = {
    "model": Option("distilbert/distilbert-base-uncased-finetuned-sst-2-english", "Hugging Face"),
    "data": Option("stanfordnlp/imdb", "Hugging Face"),
}
LOOKED_AT = 400


def at_hand(kind: str, history: Iterable[RunRecord], folder: Path) -> list[Option]:
    """Options for a field `model` or `data`, the likeliest first. Walks through folders: not for the event loop."""
    from engine.models.nearby import nearby

    options = [Option("builtin", "made on first use, no network")]
    for run in history:
        if kind == "model" and (model := _chosen_model(run)) is not None:
            options.append(model)
        used = run.config.get(kind)
        if isinstance(used, str):
            options.append(Option(used, "used before"))
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


def _chosen_model(run: RunRecord) -> Option | None:
    try:
        choice = results.best(run)
    except (InputError, ValueError, KeyError, TypeError):
        return None
    if choice is None:
        return None
    model = (run.points[choice.index].result or {}).get("model")
    return Option(str(run.path / model), f"best of {run.id}") if isinstance(model, str) else None
