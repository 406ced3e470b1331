"""What of a model the Formats page looks at."""

from dataclasses import dataclass


@dataclass(slots=True)
class Spot:
    """A layer, a column of the histogram of its weights, and which of the weights in that column."""

    layer: str = ""
    column: int = 0
    number: int = 0
