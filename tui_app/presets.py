"""Presets: an experiment's settings under a name, as TOML files in the state folder. `last` is what ran last."""

import re
from pathlib import Path
from typing import Any

from engine.errors import InputError

LAST = "last"
_NAME = re.compile(r"[\w][\w .+-]{0,39}")


def folder(experiment: str) -> Path:
    """Where the experiment's presets lie."""
    from engine.runtime.home import home

    return home() / "presets" / experiment


def names(experiment: str) -> list[str]:
    """All presets, the last run's settings first."""
    found = sorted(path.stem for path in folder(experiment).glob("*.toml"))
    return sorted(found, key=lambda name: name != LAST)


def save(experiment: str, name: str, toml: str) -> Path:
    """Keeps settings under a name. Raises InputError where the name cannot be a file's."""
    if not _NAME.fullmatch(name):
        raise InputError("A preset's name is up to 40 letters, digits, spaces and . + -, a letter or digit first.")
    path = folder(experiment) / f"{name}.toml"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(toml, encoding="utf-8")
    return path


def load(experiment: str, name: str) -> dict[str, Any]:
    """A preset's settings. Raises InputError where it is not there or is not TOML."""
    from engine.experiments.launch import read_config

    return read_config(folder(experiment) / f"{name}.toml")
