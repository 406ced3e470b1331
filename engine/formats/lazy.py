"""torch and numpy for the format modules, imported when arithmetic begins.

A form, the command line and a run's driver read specs and never compute: they import the formats without these two,
which take seconds. Modules of this package write `from engine.formats.lazy import np, torch`.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import torch
else:

    class _Placeholder:
        """Stands for a module until `load`; works as the module does."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, attribute: str) -> Any:
            load()
            return getattr(importlib.import_module(self._name), attribute)

    np, torch = _Placeholder("numpy"), _Placeholder("torch")

__all__ = ["load", "np", "torch"]


def load() -> None:
    """Imports both and puts them where placeholders stood, so that torch.compile sees torch itself."""
    if sys.modules.get("torch") is torch:
        return
    real = {"np": importlib.import_module("numpy"), "torch": importlib.import_module("torch")}
    for name, module in list(sys.modules.items()):
        if name.startswith(__package__):
            vars(module).update({key: value for key, value in real.items() if key in vars(module)})
