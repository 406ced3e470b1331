"""Words as the screens show them. Text from outside passes `clean` and is never markup."""

import time
from collections.abc import Mapping

from engine.text import clean_line
from tui_app import glyphs

_JOINERS = dict.fromkeys((0x200B, 0x200C, 0x200D, 0x2060, 0xFE0E, 0xFE0F))


def clean(text: object) -> str:
    """One line of text from outside, without terminal escapes and control characters.

    Emoji are taken apart: terminals do not agree on how wide a joined sequence is.
    """
    return clean_line(str(text)).translate(_JOINERS)


def age(then: float, now: float) -> str:
    """How long ago, in one unit: 5s, 3m, 2h, 4d, 7w."""
    seconds = max(0, int(now - then))
    for limit, divisor, unit in ((60, 1, "s"), (3600, 60, "m"), (86400, 3600, "h"), (14 * 86400, 86400, "d")):
        if seconds < limit:
            return f"{seconds // divisor}{unit}"
    return f"{seconds // (7 * 86400)}w"


def moment(then: float, now: float) -> str:
    """A time of day, with the date where it was not within the last day."""
    return time.strftime("%H:%M" if now - then < 86400 else "%d %b %H:%M", time.localtime(then))


def count(n: int, noun: str) -> str:
    """`1 run`, `5,000 runs`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def error_line(error: Mapping[str, str] | None) -> str:
    """A point's error as one line: its type and message. Where the input was wrong, the sentence says it all."""
    error = error or {}
    parts = ("message",) if error.get("type") == "InputError" and error.get("message") else ("type", "message")
    return clean(": ".join(part for key in parts if (part := error.get(key, ""))))


def ending(name: str, width: int) -> str:
    """The end of a name, which tells layers apart, with an ellipsis where the beginning is missing."""
    name = clean(name)
    return name if len(name) <= width else glyphs.sign("ellipsis") + name[len(name) - width + 1 :]
