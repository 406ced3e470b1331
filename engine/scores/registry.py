"""All scores: every module of `engine.scores.families` is read for its `SCORES`; `PLACE` orders them in menus."""

import importlib
import pkgutil

from engine.scores import families
from engine.scores.base import Score


def _found() -> dict[str, Score]:
    names = [module.name for module in pkgutil.iter_modules(families.__path__, f"{families.__name__}.")]
    modules = sorted((importlib.import_module(name) for name in names), key=lambda module: module.PLACE)
    return {score.name: score for module in modules for score in module.SCORES}


SCORES = _found()
"""Every score by its name."""
