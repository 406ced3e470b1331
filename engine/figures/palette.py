"""Hue and glyph of a series: the same in table, curve and PNG.

The hues are Okabe and Ito's set for colour-blind readers (2008), without yellow and black, which vanish on one of the
two grounds; a baseline is grey. Hue never carries meaning alone: each slot has a glyph and a matplotlib marker of the
same shape. The second six have the hues of the first in hollow shapes.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Style:
    """How one slot looks: an RGB hue, a glyph for text (and its plain ASCII twin) and a matplotlib marker.

    `ansi` is the hue's name on a terminal of 16 colours, where rounding would make one of two. A `hollow` marker is
    drawn as an outline, its line dashed.
    """

    rgb: tuple[int, int, int]
    glyph: str
    ascii: str
    marker: str
    ansi: str
    hollow: bool = False

    @property
    def hex(self) -> str:
        """The hue as `#rrggbb`."""
        return "#{:02x}{:02x}{:02x}".format(*self.rgb)


STYLES = (
    Style((0, 114, 178), "●", "o", "o", "blue"),
    Style((213, 94, 0), "▲", "^", "^", "red"),
    Style((0, 158, 115), "■", "#", "s", "green"),
    Style((204, 121, 167), "◆", "x", "D", "magenta"),
    Style((86, 180, 233), "▼", "v", "v", "cyan"),
    Style((230, 159, 0), "★", "*", "*", "yellow"),
    Style((0, 114, 178), "○", "O", "o", "blue", hollow=True),
    Style((213, 94, 0), "△", "A", "^", "red", hollow=True),
    Style((0, 158, 115), "□", "H", "s", "green", hollow=True),
    Style((204, 121, 167), "◇", "X", "D", "magenta", hollow=True),
    Style((86, 180, 233), "▽", "V", "v", "cyan", hollow=True),
    Style((230, 159, 0), "☆", "%", "*", "yellow", hollow=True),
)
BASELINE = Style((128, 128, 128), "─", "-", "", "white")


BARS = "█▒▓░"
"""What fills the bars of the first series, the second…; more come round again, in other hues."""

PLAIN_BARS = "#=%:"
HATCHES = ("", "////", "....", "xxxx")  # the same for matplotlib


def style(slot: int) -> Style:
    """The style of a series slot; slots beyond the palette come round again, and slot -1 is the baseline's."""
    return BASELINE if slot < 0 else STYLES[slot % len(STYLES)]
