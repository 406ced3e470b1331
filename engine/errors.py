"""The exceptions that mean: the user can fix this. And the hint that most of their messages end with."""

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """Input that cannot be used. The message is one sentence: what is wrong and how to fix it."""


class DamagedRunError(InputError):
    """A run whose folder holds what cannot be read: listed and removed like others, but not opened."""


def hint(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """The end of a sentence about an unknown name: the known one that comes near, else `otherwise`.

    >>> hint("wdths", ["widths", "modes"])
    'did you mean widths?'
    """
    by_case = {one.lower(): one for one in known}
    near = get_close_matches(name.lower(), by_case, n=1)
    return f"did you mean {by_case[near[0]]}?" if near else otherwise
