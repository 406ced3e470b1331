"""Curves of other programs on the Compare page: which file, which curve in it, and the figure that they lie in."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from engine.curves.curve import Curve, fitting, laid
from engine.curves.offer import Offer
from engine.errors import InputError
from engine.figures.figure import Figure
from tui_app.controller import Controller
from tui_app.screens.base import Page
from tui_app.screens.pickers import Option, PickScreen
from tui_app.widgets.curve import CurveView

WITHOUT = "without "  # how the options begin that take a curve away
Read = TypeVar("Read")


class Importing(Controller):
    """Asks for a file, lets the warm worker read it, and has the figures shown anew with what it holds.

    `show` draws them and brings the one of a key into view, where a key is given.
    """

    def __init__(self, page: Page, view: CurveView, show: Callable[[str], None]) -> None:
        self._page, self._view, self._show = page, view, show
        self._beside: list[tuple[str, Curve]] = []  # with the key of the figure that each lies in

    def live(self, action: str) -> bool:
        return bool(self._view.figures)

    def laid(self, figures: Sequence[Figure]) -> list[Figure]:
        """The figures, each with the curves that lie in it."""
        return [laid(one, [curve for key, curve in self._beside if key == one.key]) for one in figures]

    def action_compare_import(self) -> None:
        self._page.run_worker(self._ask(), group="ask")

    async def _ask(self) -> None:
        from tui_app.screens.source_options import curve_picker

        away = [Option(WITHOUT + curve.name, "takes it away") for _, curve in self._beside]
        picked = await self._page.lab.ask(self._page, curve_picker(away))
        if picked is None:
            return
        if picked in [option.value for option in away]:
            self._beside = [(key, one) for key, one in self._beside if WITHOUT + one.name != picked]
            self._show("")
            return
        try:
            if curves := await self._read(picked):
                self._lay(curves)
        except InputError as error:
            self._page.notify(str(error), severity="error", markup=False)

    async def _read(self, path: str) -> list[Curve]:
        """What is meant of a file, asking where that is open; nothing where no answer came."""
        figure = self._view.figure
        assert figure is not None
        worker = self._page.lab.interactive
        offer = _made(
            Offer, await worker.ask("curves_offered", path=path, x_label=figure.x_label, y_label=figure.y_label)
        )
        likeliest = sorted(offer.values, key=lambda name: name != offer.value)
        value = likeliest[0] if len(likeliest) == 1 else await self._pick("Which curve?", likeliest)
        step = offer.step
        if value is not None and step is None:
            step = await self._pick("Which column counts its steps?", [one for one in offer.steps if one != value])
        if value is None or step is None:
            return []
        return [_made(Curve, one) for one in await worker.ask("curves", path=path, value=value, step=step)]

    async def _pick(self, title: str, names: Sequence[str]) -> str | None:
        return await self._page.lab.ask(self._page, PickScreen(title, [Option(name) for name in names]))

    def _lay(self, curves: Sequence[Curve]) -> None:
        """In the figure in view, or in the first that they fit."""
        shown = self._view.figure
        figures = sorted(self._view.figures, key=lambda one: one is not shown)
        figure = fitting(figures, lambda _: curves)
        self._beside += [(figure.key, curve) for curve in curves]
        self._show(figure.key)
        for curve in curves:
            if curve.said:
                self._page.notify(curve.said, severity="warning", markup=False)


def _made(kind: type[Read], values: dict[str, Any]) -> Read:
    """A dataclass of the worker's answer."""
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
