"""A figure as a picture for a terminal that shows them: what to send, by kitty's protocol or as sixels.

`textual-image` (the extra `pictures`) encodes it; matplotlib draws the same picture that an export writes.
"""

import io
import os
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from engine.errors import InputError
from engine.figures.figure import Figure
from engine.figures.image import render
from engine.figures.look import SMALLEST, Look

Protocol = Literal["kitty", "sixel"]
CELL_DPI = 5.0  # dots per inch for each pixel of a cell's height: the letters become about as large as the terminal's
_SIXELS = re.compile("\x1bP.*?\x1b\\\\", re.DOTALL)


def encoded(figure: Figure, protocol: Protocol, columns: int, rows: int, cell: tuple[int, int]) -> dict[str, Any]:
    """The picture over `columns` × `rows` cells, each `cell` pixels wide and high.

    `sent` goes to the terminal as it stands: for sixels where the picture is to begin, for kitty before `rows`, which
    are its cells, written in the colour `hue`. Raises InputError where the extra is not installed.
    """
    width, height = columns * cell[0], rows * cell[1]
    dpi = int(min(CELL_DPI * cell[1], width / SMALLEST, height / SMALLEST))
    with TemporaryDirectory(prefix="labtui-") as folder:
        path = Path(folder) / "figure.png"
        render(figure, path, Look(width / dpi, height / dpi, max(30, dpi)))
        return _encode(path, protocol, columns, rows, cell)


def _encode(path: Path, protocol: Protocol, columns: int, rows: int, cell: tuple[int, int]) -> dict[str, Any]:
    try:
        from textual_image._terminal import get_cell_size
        from textual_image.renderable import SixelImage, TGPImage
    except ImportError:
        raise InputError("Pictures need the extra: pip install 'labtui[pictures]'.") from None
    from rich.console import Console

    # This process has no terminal to ask; an answer that was given for other letters is forgotten.
    vars(get_cell_size).pop("_result", None)
    os.environ["TEXTUAL_CELL_WIDTH"], os.environ["TEXTUAL_CELL_HEIGHT"] = map(str, cell)

    shown, sent = io.StringIO(), io.StringIO()
    console = Console(file=shown, width=columns, height=rows + 1, force_terminal=True, color_system="truecolor")
    before, sys.__stdout__ = sys.__stdout__, sent  # type: ignore[misc, assignment] # it writes past the console
    try:
        image = (SixelImage if protocol == "sixel" else TGPImage)(str(path), width=columns, height=rows)
        segments = list(console.render(image, console.options.update(width=columns, height=rows)))
    finally:
        sys.__stdout__ = before  # type: ignore[misc]
    text = "".join(segment.text for segment in segments)
    if protocol == "sixel":
        found = _SIXELS.search(text)
        return {"protocol": protocol, "sent": found[0] if found else "", "rows": [], "hue": None}
    triplets = [segment.style.color.triplet for segment in segments if segment.style and segment.style.color]
    hue = list(triplets[0]) if triplets and triplets[0] else None
    return {"protocol": protocol, "sent": sent.getvalue(), "rows": text.splitlines()[:rows], "hue": hue}
