"""Scroll bars for terminals that have no eighths of a block."""

from textual.scrollbar import ScrollBar, ScrollBarRender


class _PlainBars(ScrollBarRender):
    VERTICAL_BARS = [" "] * 8
    HORIZONTAL_BARS = [" "] * 8


def use_plain(plain: bool) -> None:
    """Chooses between these and the usual ones for the whole process."""
    ScrollBar.renderer = _PlainBars if plain else ScrollBarRender
