"""Which `engine` is meant: ours, whatever else is called so in the folder or on the path that Python looks at first.

`python own.py MODULE ARGUMENTS` runs a module of this program as `python -m` does. Imports nothing of it before.
"""

import os
import runpy
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

ROOT = str(Path(__file__).resolve().parent.parent)
PACKAGES = ("cuda_kernels", "engine", "tui_app")


class Own:
    """Finds the packages of this program beside this file."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The place of a package of ours; None for anything else."""
        return PathFinder.find_spec(name, [ROOT], target) if path is None and name in PACKAGES else None


def pin() -> None:
    """From now on the names of our packages mean ours."""
    if not any(getattr(finder, "__name__", "") == Own.__name__ for finder in sys.meta_path):
        sys.meta_path.insert(0, Own)


def leave_lost_folder() -> None:
    """Goes to the root where the current folder does not exist any more: MKL ends a process that is in such a one."""
    try:
        Path.cwd()
    except FileNotFoundError:
        os.chdir("/")


def command(module: str, *arguments: str) -> list[str]:
    """How a process of this program is started."""
    return [sys.executable, str(Path(__file__).resolve()), module, *arguments]


if __name__ == "__main__":
    pin()
    leave_lost_folder()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
