"""The recipes that come with labtui: a TOML file each, read without torch.

title, summary, source, protocol     texts; `source` and `protocol` say where published values come from, and how
                                     they were measured
[[runs]]                             one or more: experiment, name, settings, and where the settings need a network
                                     or much time, `offline`: what replaces them for a small run on built-in models
[[runs.published]]                   label, value, tolerance (a share of the value), and `match`: the parameters of
                                     the point that it belongs to; without `match` it is the starting model's
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from engine.errors import InputError, hint


@dataclass(frozen=True, slots=True)
class Published:
    """A value that was published, for the point with the parameters `match`; None: for the starting model."""

    label: str
    value: float
    tolerance: float
    match: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A run of a recipe."""

    experiment: str
    name: str
    settings: Mapping[str, Any]
    offline: Mapping[str, Any]
    published: tuple[Published, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a file says."""

    name: str
    title: str
    summary: str
    runs: tuple[Step, ...]
    source: str = ""
    protocol: str = ""

    @property
    def offline(self) -> bool:
        """Whether it has smaller settings for a machine without a network."""
        return any(step.offline for step in self.runs)


@cache
def names() -> tuple[str, ...]:
    """All recipes."""
    files = resources.files(__package__).iterdir()
    return tuple(sorted(one.name.removesuffix(".toml") for one in files if one.name.endswith(".toml")))


@cache
def get(name: str) -> Recipe:
    """The recipe of that name. Raises InputError with the nearest name where there is none."""
    if name not in names():
        raise InputError(f"There is no recipe {name!r}; {hint(name, names(), 'labtui recipes lists them.')}")
    text = resources.files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    found = tomllib.loads(text)
    return Recipe(**{**found, "name": name, "runs": tuple(_step(one) for one in found["runs"])})


def _step(found: Mapping[str, Any]) -> Step:
    return Step(
        found["experiment"],
        found["name"],
        found["settings"],
        found.get("offline", {}),
        tuple(Published(**one) for one in found.get("published", ())),
    )
