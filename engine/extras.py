"""Packages that are not installed with labtui: whether they are there, and the line that brings them."""

from collections.abc import Iterable
from importlib.util import find_spec

from engine.errors import InputError


def missing(packages: Iterable[str]) -> list[str]:
    """Those that are not installed here."""
    return [name for name in packages if find_spec(name) is None]


def check_installed(what: str, packages: Iterable[str], extra: str) -> None:
    """Raises InputError where `what` needs a package that is not there, with the extra that brings it."""
    if absent := missing(packages):
        raise InputError(
            f"{what} needs {' and '.join(absent)}, not installed here; run: pip install 'labtui[{extra}]'."
        )
