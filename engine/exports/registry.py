"""Every export target by name: one module of `engine.exports.targets` each. Without torch and their libraries."""

import importlib
import pkgutil

from engine.exports import targets
from engine.exports.contract import Target


def _found() -> dict[str, Target]:
    names = [module.name for module in pkgutil.iter_modules(targets.__path__, f"{targets.__name__}.")]
    found: list[Target] = [importlib.import_module(name).TARGET for name in names]
    return {target.name: target for target in found}


TARGETS = _found()
