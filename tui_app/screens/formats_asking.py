"""What the Formats page asks the warm worker: one question at a time, always the newest."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import prod
from pathlib import Path
from typing import Any

from engine.errors import InputError
from tui_app.screens.formats_side import Side
from tui_app.screens.labscreen import LabScreen

LOADING = "Loading {}."
MAKING = "The built-in model is being made, once; that takes half a minute. m takes another model."
AT_ONCE = 500_000  # weights that one question about the table covers
AGAIN = 1.0  # seconds until the next look


class Asking(LabScreen):
    """`wake` asks for whatever is not known yet of what the page wants: layer, then weight, then table.

    While an answer is on its way further wishes only replace each other, so that a key that is held down redraws as
    fast as answers come and never queues up.
    """

    model = ""
    layer = ""
    cursor = 0
    place = 0

    def __init__(self) -> None:
        super().__init__()
        self.shown: Mapping[str, Any] | None = None
        self.told: Mapping[str, Any] | None = None
        self.rows: Sequence[Mapping[str, Any]] = ()
        self.table_spec = ""
        self._layers: Sequence[Mapping[str, Any]] = ()
        self._answered: dict[str, Mapping[str, Any]] = {}
        self._growing, self._grown = ("", ""), list[Mapping[str, Any]]()
        self._asking = False

    @property
    def model_name(self) -> str:
        """The model in a word."""
        return Path(self.model).name

    def open_model(self, model: str) -> None:
        """Takes another model; its first layer that is not an embedding is shown."""
        self.model, self.layer, self.shown, self.told = model, "", None, None
        self.rows, self._layers, self._answered, self._growing = (), (), {}, ("", "")
        self.show_problem(LOADING.format(model), wrong=False)
        self.wake()

    def wake(self) -> None:
        """Something else is wanted."""
        if self.model and not self._asking:
            self._asking = True
            self.run_worker(self._ask(), group="asking")

    async def _ask(self) -> None:
        try:
            while await self._next_of(self.model):
                pass
        finally:
            self._asking = False

    async def _next_of(self, model: str) -> bool:
        """Goes on, unless something could not be done; what concerns a model that was left is of no interest."""
        try:
            return await self._next()
        except InputError as error:
            if self.model != model:
                return True
            self._answered.clear()
            self.show_problem(str(error), wrong=True)
            return False

    async def _next(self) -> bool:
        """Asks for the first thing that is wanted and not there; False where nothing is."""
        specs = [side.spec for side in self.sides]
        here: dict[str, Any] = {"model": self.model, "layer": self.layer, "specs": specs}
        if not self._layers:
            await self._load()
        elif (answer := await self._new("format_layer", columns=self.columns, **here)) is not None:
            if self._still(here):
                self.shown = answer
                self.show_layer()
        elif (answer := await self._new("format_value", **self._bar(), **here)) is not None:
            if self._still(here):
                self.told = answer
                self.show_value()
        else:
            return await self._grow(self.model, self.side.spec)
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
        rows = await self.lab.interactive.ask("format_layers", model=model, names=names, spec=spec)
        if self._growing == (model, spec):  # else another model was opened meanwhile
            self._grown += rows
            if len(self._grown) == len(self._layers):
                self.rows, self.table_spec = self._grown, spec
                self.show_table()
        return True

    async def _new(self, what: str, **wish: Any) -> Any:
        """The answer to a wish; None where it was the last one answered."""
        if self._answered.get(what) == wish:
            return None
        answer = await self.lab.interactive.ask(what, **wish)
        self._answered[what] = wish
        return answer

    def _still(self, asked: Mapping[str, Any]) -> bool:
        return (self.model, self.layer) == (asked["model"], asked["layer"])

    def _bar(self) -> Mapping[str, Any]:
        """The bounds of the column under the cursor, and which of its weights is wanted."""
        assert self.shown is not None
        limit, columns = self.shown["limit"], len(self.shown["counts"])
        width = 2 * limit / columns
        return {"low": self.cursor * width - limit, "high": (self.cursor + 1) * width - limit, "place": self.place}

    async def _load(self) -> None:
        """The layers of the model, whatever name it goes by."""
        from engine.experiments.results import pinned

        asked = self.model
        model = await asyncio.to_thread(pinned, asked)
        layers = await self.lab.interactive.ask("format_model", model=model)
        if self.model != asked:
            return
        if layers is None:
            self.show_problem(MAKING, wrong=False)
            await asyncio.sleep(AGAIN)
            return
        if not layers:
            raise InputError(f"{asked} has no linear or embedding layer.")
        self.model, self._layers = model, layers
        self.layer = next((one["name"] for one in layers if one["type"] == "Linear"), layers[0]["name"])

    def action_formats_model(self) -> None:
        from tui_app.screens.source_options import picker

        dialog = picker("model", "Model", self.lab.runs.rows.values())
        self.app.push_screen(dialog, lambda picked: self.open_model(picked) if picked else None)

    # What the page fills in

    @property
    def sides(self) -> Sequence[Side]:
        """The formats in view."""
        raise NotImplementedError

    @property
    def side(self) -> Side:
        """The format that the table is about."""
        raise NotImplementedError

    @property
    def columns(self) -> int:
        """Columns that every histogram in view has room for."""
        raise NotImplementedError

    def show_layer(self) -> None:
        """`shown` is new."""
        raise NotImplementedError

    def show_value(self) -> None:
        """`told` is new."""
        raise NotImplementedError

    def show_table(self) -> None:
        """`rows` are new."""
        raise NotImplementedError

    def show_problem(self, text: str, *, wrong: bool) -> None:
        """There is nothing to show, and why."""
        raise NotImplementedError
