"""What a user may choose about a picture. No matplotlib: the app checks it before anything is drawn."""

import re
from dataclasses import dataclass

from engine.errors import InputError

SMALLEST, LARGEST = 2.0, 40.0  # inches
DPI = (30, 1200)
MOST_DOTS = 100e6  # they take 400 MB to draw
SIZES = {"column": "3.5x2.6", "page": "7x4.4", "slide": "10x5.6"}


@dataclass(frozen=True, slots=True)
class Look:
    """How large a picture is, in inches and dots per inch, and its title: None takes the figure's, "" has none."""

    width: float = 7.0
    height: float = 4.4
    dpi: int = 160
    title: str | None = None

    def __post_init__(self) -> None:
        """Raises InputError where no such picture can be drawn."""
        if not all(SMALLEST <= side <= LARGEST for side in (self.width, self.height)):
            raise InputError(
                f"A picture is {SMALLEST:g} to {LARGEST:g} inches wide and high, not {self.width:g}x{self.height:g}."
            )
        if not DPI[0] <= self.dpi <= DPI[1]:
            raise InputError(f"A picture has {DPI[0]} to {DPI[1]} dots per inch, not {self.dpi}.")
        if self.width * self.height * self.dpi**2 > MOST_DOTS:
            raise InputError(
                f"A picture of {self.width:g}x{self.height:g} inches at {self.dpi} dots per inch has more than "
                f"{MOST_DOTS / 1e6:.0f} million dots; take a smaller size or fewer dots."
            )


def parse_size(text: str) -> tuple[float, float]:
    """Width and height in inches of `7x4.4`, or of a name: column, page, slide. Raises InputError."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*[x×*, ]\s*(\d+(?:\.\d+)?)\s*", SIZES.get(text.strip().lower(), text))
    if found is None:
        raise InputError(
            f"A size is width x height in inches, such as 7x4.4, or {', '.join(SIZES)}; {text!r} is neither."
        )
    return float(found[1]), float(found[2])


def look(size: str | None = None, dpi: int | None = None, title: str | None = None) -> Look:
    """What a user asked for, the usual where they did not. Raises InputError where it cannot be."""
    usual = Look()
    width, height = parse_size(size) if size else (usual.width, usual.height)
    return Look(width, height, usual.dpi if dpi is None else dpi, title)
