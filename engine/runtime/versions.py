"""The versions that a result may depend on."""

from importlib.metadata import PackageNotFoundError, version
from platform import python_version


def versions() -> dict[str, str]:
    """Python's and those of the packages that compute, as far as they are installed."""
    found = {"python": python_version()}
    for package in ("labtui", "torch", "transformers", "numpy", "numba"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def difference(here: dict[str, str], there: dict[str, str]) -> str:
    """What is of another version there, in words; empty where nothing is.

    >>> difference({"torch": "2.9"}, {"torch": "2.8"})
    'torch 2.8 instead of 2.9'
    """
    names = sorted(here.keys() | there.keys())
    changed = [name for name in names if here.get(name) != there.get(name)]
    return ", ".join(f"{name} {there.get(name, 'missing')} instead of {here.get(name, 'none')}" for name in changed)
