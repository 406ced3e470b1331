"""What the Formats page asks the warm worker: one question at a time, always the newest."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import prod
from typing import Any

from engine.errors import InputError
from tui_app.screens.base import Page
from tui_app.screens.formats.showing import Answer, Showing
from tui_app.screens.formats.sides import Sides
from tui_app.screens.formats.spot import Spot

LOADING = "Loading {}."
MAKING = "The built-in model is being made, once; that takes half a minute. m takes another model."
AT_ONCE = 500_000  # weights that one question about the table covers
AGAIN = 1.0  # seconds until the next look


class Asking:
    """`wake` asks for whatever is not known yet of what is looked at: layer, then weight, then table.

    While an answer is on its way further requests only replace each other, so that a key that is held down redraws as
    fast as answers come and never queues up.
    """

    def __init__(self, page: Page, spot: Spot, sides: Sides, showing: Showing) -> None:
        self.model = ""
        self.shown: Answer | None = None
        self.told: Answer | None = None
        self.rows: Sequence[Answer] = ()
        self.table_spec = ""
        self.busy = False
        self._page, self._spot, self._sides, self._showing = page, spot, sides, showing
        self._layers: Sequence[Answer] = ()
        self._answered: dict[str, Answer] = {}
        self._growing, self._grown = ("", ""), list[Answer]()

    def open_model(self, model: str) -> None:
        """Takes another model; its first layer that is not an embedding is shown."""
        self.model, self.shown, self.told = model, None, None
        self._spot.layer = ""
        self.rows, self._layers, self._answered, self._growing = (), (), {}, ("", "")
        self._stand_against(LOADING.format(model), wrong=False)
        self.wake()

    def wake(self) -> None:
        """Something else is looked at."""
        if self.model and not self.busy:
            self.busy = True
            self._page.run_worker(self._ask(), group="asking")

    def show_rows(self) -> None:
        """Shows the table, if all of it is known."""
        if self.rows:
            self._showing.rows(self.rows, self.table_spec)

    def _stand_against(self, sentence: str, *, wrong: bool) -> None:
        """Nothing of the model before stays beside another's name."""
        self._showing.problem(sentence, wrong=wrong)
        if self.shown is None:
            self._showing.nothing(self.model)

    async def _ask(self) -> None:
        try:
            while await self._next_of(self.model):
                pass
        finally:
            self.busy = False

    async def _next_of(self, model: str) -> bool:
        """Goes on, unless something could not be done; what concerns a model that was left is of no interest."""
        try:
            return await self._next()
        except InputError as error:
            if self.model != model:
                return True
            self._answered.clear()
            self._stand_against(str(error), wrong=True)
            return False

    async def _next(self) -> bool:
        """Asks for the first thing that is wanted and not there; False where nothing is."""
        here: dict[str, Any] = {"model": self.model, "layer": self._spot.layer, "specs": self._sides.specs}
        if not self._layers:
            await self._load()
        elif (answer := await self._new("format_layer", columns=self._sides.columns, **here)) is not None:
            if self._still(here):
                self.shown = answer
                self._showing.layer(answer, self.model)
        elif (answer := await self._new("format_value", **self._bar(), **here)) is not None:
            if self._still(here):
                self.told = answer
                self._showing.value(answer)
        else:
            return await self._grow(self.model, self._sides.current.spec)
        return True

    async def _grow(self, model: str, spec: str) -> bool:
        """Asks for some more rows of the table: few weights at a time, so that a key need not wait for all of them."""
        if (model, spec) != self._growing:
            self._growing, self._grown = (model, spec), []
        missing = self._layers[len(self._grown) :]
        if not missing:
            return False
        weights = list(accumulate(prod(one["shape"]) for one in missing))
        names = [one["name"] for one, sum_ in zip(missing, weights, strict=True) if sum_ <= AT_ONCE]
        names = names or [missing[0]["name"]]
        rows = await self._page.lab.interactive.ask("format_layers", model=model, names=names, spec=spec)
        if self._growing == (model, spec):  # else another model was opened meanwhile
            self._grown += rows
            if len(self._grown) == len(self._layers):
                self.rows, self.table_spec = self._grown, spec
                self.show_rows()
        return True

    async def _new(self, what: str, **wish: Any) -> Any:
        """The answer to a wish; None where it was the last one answered."""
        if self._answered.get(what) == wish:
            return None
        answer = await self._page.lab.interactive.ask(what, **wish)
        self._answered[what] = wish
        return answer

    def _still(self, asked: Mapping[str, Any]) -> bool:
        return (self.model, self._spot.layer) == (asked["model"], asked["layer"])

    def _bar(self) -> Mapping[str, Any]:
        """The bounds of the column under the cursor, and which of its weights is wanted."""
        assert self.shown is not None
        limit, columns = self.shown["limit"], len(self.shown["counts"])
        width = 2 * limit / columns
        low = self._spot.column * width - limit
        return {"low": low, "high": low + width, "place": self._spot.number}

    async def _load(self) -> None:
        """The layers of the model, whatever name it goes by."""
        from engine.experiments.results import pinned

        asked = self.model
        model = await asyncio.to_thread(pinned, asked)
        layers = await self._page.lab.interactive.ask("format_model", model=model)
        if self.model != asked:
            return
        if layers is None:
            self._stand_against(MAKING, wrong=False)
            await asyncio.sleep(AGAIN)
            return
        if not layers:
            raise InputError(f"{asked} has no linear or embedding layer.")
        self.model, self._layers = model, layers
        self._spot.layer = next((one["name"] for one in layers if one["type"] == "Linear"), layers[0]["name"])
