"""`labtui export RUN --png F`: the figure that runs have in common, with curves of other programs beside."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from engine.errors import InputError
from engine.figures.figure import Figure
from engine.figures.files import is_stream
from engine.figures.look import Look
from engine.runtime.records import RunRecord
from tui_app.command.numbers import Whole
from tui_app.command.say import say

FILE = click.Path(path_type=Path, dir_okay=False, allow_dash=True)
OPTIONS = (
    click.option("--figure", "key", help="Which figure goes into the PNG or SVG; the first where not given."),
    click.option("--png", type=FILE, help="Write the figure as PNG."),
    click.option("--svg", type=FILE, help="Write the figure as SVG."),
    click.option(
        "--with",
        "beside",
        multiple=True,
        metavar="PATH[:NAME]",
        help="Lay a curve of a table or of TensorBoard beside those of the figure: curve.csv, or logs:train/loss.",
    ),
    click.option("--step", metavar="COLUMN", help="Which column of such a table counts steps, where it is unclear."),
    click.option("--size", help="Of the figure in inches: 7x4.4, or column, page, slide."),
    click.option("--dpi", type=Whole(), metavar="N", help="Dots per inch of a PNG; 160 where not given."),
    click.option("--title", help="Of the figure, in place of its own; --title= leaves it out."),
)


def figure_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which figure is written, where and how."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def write_figure(
    records: Sequence[RunRecord],
    key: str | None,
    paths: Sequence[tuple[Path, str]],
    shown: Look,
    beside: Sequence[str] = (),
    step: str | None = None,
) -> None:
    """Writes a figure of the runs to each of the paths, with its kind (.png, .svg), and names them.

    Raises:
        InputError: no such figure, or curves to lay beside that cannot be read or have no place in it.
    """
    if not paths:
        if beside or step:
            raise InputError("A curve is laid beside those of a figure: say where it goes with --png or --svg.")
        return
    from engine.experiments import results
    from engine.figures.image import render

    figure = _with_curves(_picked(results.compared(records), key), beside, step)
    for path, kind in paths:
        render(figure, path, shown, kind if is_stream(path) else "")
        say_written(path)


def say_written(path: Path) -> None:
    """Names the file, unless what was written went where the name would go."""
    if not is_stream(path):
        say(path)


def _picked(figures: Sequence[Figure], key: str | None) -> Sequence[Figure]:
    """Those that may be meant, the likeliest first."""
    if not figures:
        raise InputError("There is no figure to write: the runs have none in common.")
    if found := [figure for figure in figures if key in (None, figure.key)]:
        return found
    raise InputError(f"There is no figure {key!r}; the figures are {', '.join(figure.key for figure in figures)}.")


def _with_curves(figures: Sequence[Figure], named: Sequence[str], step: str | None) -> Figure:
    """The first of the figures in which all that is named has a place, with it; says what was left out."""
    if not named:
        return figures[0]
    from engine.curves.curve import fitting
    from engine.curves.reading import Asked

    asked = [Asked(text, step) for text in named]
    figure = fitting(figures, lambda figure: [curve for one in asked for curve in one.beside(figure)])
    for sentence in dict.fromkeys(curve.said for one in asked for curve in one.beside(figure) if curve.said):
        say(sentence, err=True)
    return figure
