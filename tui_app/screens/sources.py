"""Models and data that are at hand: built in, used before, made by runs, lying on this machine, known by name."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.errors import InputError
from engine.experiments import results
from engine.runtime.records import RunRecord
from tui_app.screens.pickers import Option

KNOWN = {
    "model": Option("prajjwal1/bert-tiny", "Hugging Face"),
    "data": Option("stanfordnlp/imdb", "Hugging Face"),
}
ENDINGS = (".parquet", ".csv", ".tsv", ".jsonl")
DEPTH, LOOKED_AT = 3, 400


def at_hand(kind: str, history: Iterable[RunRecord], folder: Path) -> list[Option]:
    """Options for a field `model` or `data`, the likeliest first."""
    options = [Option("builtin", "made on first use, no network")]
    for run in history:
        if kind == "model" and (model := _chosen_model(run)) is not None:
            options.append(model)
        used = run.config.get(kind)
        if isinstance(used, str):
            options.append(Option(used, "used before"))
    options += [Option(str(path), "in this folder") for path in _lying(kind, folder)]
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


def _lying(kind: str, folder: Path) -> Iterator[Path]:
    """Model folders or data files below a folder, a few levels down, a bounded look."""
    left = LOOKED_AT
    level = [folder]
    for _ in range(DEPTH):
        below: list[Path] = []
        for place in level:
            try:
                found = sorted(path for path in place.iterdir() if not path.name.startswith("."))
            except OSError:
                continue
            for path in found:
                left -= 1
                if left < 0:
                    return
                if path.is_dir():
                    below.append(path)
                    if kind == "model" and (path / "config.json").is_file():
                        yield path.relative_to(folder)
                    if kind == "data" and any(child.suffix in ENDINGS for child in _files(path)):
                        yield path.relative_to(folder)
                elif kind == "data" and path.suffix in ENDINGS:
                    yield path.relative_to(folder)
        level = below


def _files(folder: Path) -> Iterable[Path]:
    try:
        return list(folder.iterdir())[:LOOKED_AT]
    except OSError:
        return ()
