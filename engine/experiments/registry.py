"""Finds an experiment by name. An experiment's module is imported when it is first asked for."""

import importlib
from difflib import get_close_matches
from typing import cast

from engine.errors import InputError
from engine.experiments.base import Experiment

NAMES = ("quantize", "finetune", "prune", "sensitivity", "graph", "mixed", "search", "profile")


def get(name: str) -> Experiment:
    """The experiment called `name`, or the `EXPERIMENT` of the importable module that a dotted name gives.

    Raises InputError with the nearest names where there is none.
    """
    if name not in NAMES and "." not in name:
        near = get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"the experiments are {', '.join(NAMES)}."
        raise InputError(f"There is no experiment {name!r}; {hint}")
    module_name = f"engine.experiments.{name}" if name in NAMES else name
    try:
        module = importlib.import_module(module_name)
        return cast(Experiment, module.EXPERIMENT)
    except (ImportError, AttributeError) as error:
        raise InputError(f"The experiment {name!r} cannot be loaded: {error}.") from error
