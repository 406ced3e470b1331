"""The few signs that the app and the command draw with, and their plain twins for terminals without them."""

import locale
import os

from engine.figures import palette

_STATES = {
    "queued": ("⋯", "."),
    "running": ("▸", ">"),
    "paused": ("‖", "="),
    "interrupted": ("◌", "~"),
    "finished": ("✓", "+"),
    "failed": ("✗", "!"),
    "cancelled": ("⊘", "/"),
    "pruned": ("✂", "%"),
    "damaged": ("⊠", "#"),
}
_SIGNS = {
    "cursor": ("▌", ">"),
    "descending": ("▾", "v"),
    "ascending": ("▴", "^"),
    "bar": ("━", "="),
    "bar-end": ("╸", ">"),
    "bar-rest": ("─", "-"),
    "folded": ("▸", "+"),
    "unfolded": ("▾", "-"),
    "into": ("←", "<"),
    "out-of": ("→", ">"),
    "dash": ("–", "-"),
    "dot": ("·", "."),
    "ellipsis": ("…", "~"),
    "times": ("×", "x"),
    "differs": ("≠", "!"),
    "best": ("◀", "<"),
    "plus-minus": ("±", "+-"),
    "micro": ("µ", "u"),
    "delta": ("Δ", "d"),
    "becomes": ("→", "->"),
    "level": ("┄", "-"),
    "front": ("─", "."),
    "tab-left": ("▐", "["),
    "tab-right": ("▌", "]"),
}

_plain = False


def use_plain(plain: bool) -> None:
    """Chooses the plain twins for the whole process."""
    global _plain
    _plain = plain


def plain() -> bool:
    """Whether the plain twins are in use."""
    return _plain


def wants_plain(environ: dict[str, str] | None = None) -> bool:
    """Whether the terminal is the Linux console, or its locale is not UTF-8."""
    environ = dict(os.environ) if environ is None else environ
    encoding = locale.getpreferredencoding(False).lower().replace("-", "")
    return environ.get("TERM") in ("linux", "dumb") or encoding != "utf8"


def sign(name: str) -> str:
    """A sign by name."""
    return _SIGNS[name][_plain]


def state(name: str) -> str:
    """The glyph of a run's or point's state."""
    return _STATES.get(name, ("?", "?"))[_plain]


def series(slot: int) -> str:
    """The glyph of a series, the same in table, curve and picture."""
    style = palette.style(slot)
    return style.ascii if _plain else style.glyph


def bar_fill(place: int) -> str:
    """What fills the bars of the series at this place in its figure."""
    fills = palette.PLAIN_BARS if _plain else palette.BARS
    return fills[place % len(fills)]


def bar(fraction: float, width: int) -> tuple[str, str]:
    """A progress bar as (done, rest): two strings that are `width` cells together."""
    done = max(0, min(width, round(fraction * width)))
    head = sign("bar") * done
    if 0 < done < width:
        head = head[:-1] + sign("bar-end")
    return head, sign("bar-rest") * (width - done)


def clip(text: str, width: int) -> str:
    """Text cut to at most `width` cells, with an ellipsis where something is missing."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + sign("ellipsis") if width > 1 else sign("ellipsis")[:width]
