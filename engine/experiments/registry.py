"""Finds an experiment by name. An experiment's module is imported when it is first asked for.

Other packages list theirs under the entry-point group `labtui.experiments`: `name = "package.module:EXPERIMENT"`.
"""

import importlib
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from pkgutil import iter_modules
from typing import cast

from engine.errors import InputError, hint
from engine.experiments.api import AnyExperiment

FIRST = ("quantize", "finetune", "prune", "sensitivity", "graph", "mixed", "search", "profile")
"""The order of menus; what is not named here follows by its name."""
GROUP = "labtui.experiments"


def _folders() -> tuple[str, ...]:
    """Every package beside this module is an experiment, but for `shared`."""
    found = {one.name for one in iter_modules([str(Path(__file__).parent)]) if one.ispkg} - {"shared"}
    return (*(name for name in FIRST if name in found), *sorted(found.difference(FIRST)))


NAMES = _folders()

_keys: dict[int, str] = {}  # by the object's identity: objects that were found here live as long as their modules


@cache
def plugins() -> dict[str, EntryPoint]:
    """The experiments that installed packages list, by name; nothing of them is imported."""
    found = {one.name: one for one in entry_points(group=GROUP)}
    return {name: found[name] for name in sorted(found) if name not in NAMES}


def names() -> tuple[str, ...]:
    """All experiments that are known by a name."""
    return (*NAMES, *plugins())


def get(name: str) -> AnyExperiment:
    """The experiment called `name`, or the `EXPERIMENT` of the importable module that a dotted name gives.

    Raises InputError with the nearest names where there is none.
    """
    if name not in names() and "." not in name:
        rest = hint(name, names(), f"the experiments are {', '.join(names())}.")
        raise InputError(f"There is no experiment {name!r}; {rest}")
    try:
        if name in plugins():
            experiment = plugins()[name].load()
        else:
            experiment = importlib.import_module(f"engine.experiments.{name}" if name in NAMES else name).EXPERIMENT
    except (ImportError, AttributeError) as error:
        raise InputError(f"The experiment {name!r} cannot be loaded: {error}.") from error
    except Exception as error:  # another package's own code, run as it is imported
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"The experiment {name!r} cannot be loaded: its module raised {reason}.") from error
    _keys[id(experiment)] = name
    return cast(AnyExperiment, experiment)


def key_of(experiment: AnyExperiment) -> str:
    """The name by which `get` finds an experiment again: its `name` is what it calls itself."""
    return _keys.get(id(experiment), experiment.name)


def summary_of(name: str) -> str:
    """What an experiment is for, in a line; of another package's the package, without importing it."""
    if name not in plugins():
        return get(name).summary
    package = plugins()[name].dist
    return f"From {package.name} {package.version}." if package is not None else f"From {plugins()[name].value}."
