"""A text field of one line that never asks for a new layout."""

from textual.geometry import Size
from textual.reactive import Reactive
from textual.widgets import Input


class LineInput(Input):
    """Textual lays the whole screen out again at each letter, as a longer text may scroll; a line of fixed size needs
    no more than to be painted.
    """

    virtual_size = Reactive(Size(0, 0), layout=False)
