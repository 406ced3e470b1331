"""The terminal app and the `labtui` command."""

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path

if "engine" not in sys.modules:  # a file of that name in the folder or on the path must not stand for ours
    _spec = PathFinder.find_spec("engine", [str(Path(__file__).resolve().parent.parent)])
    if _spec is not None and _spec.loader is not None:
        sys.modules["engine"] = module_from_spec(_spec)
        _spec.loader.exec_module(sys.modules["engine"])

from engine.own import pin

pin()
