"""Choosing what the Graph page captures: model, inputs, mode, attention and sizes."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.errors import InputError
from tui_app.screens.graph_asking import GraphAsking
from tui_app.screens.pickers import Option, PickScreen

SETS = (
    "input_ids,attention_mask,labels",
    "input_ids,attention_mask",
    "input_ids,labels",
    "input_ids,attention_mask,token_type_ids",
    "input_ids",
)


class GraphChoosing(GraphAsking):
    """Each choice captures anew."""

    async def pick(self, title: str, options: Sequence[Option], **more: Any) -> str | None:
        """What was picked in a dialog."""
        return await self.app.push_screen_wait(PickScreen(title, options, **more))

    def choose(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts a dialog."""
        self.run_worker(work, group="choosing", exclusive=True)

    def action_graph_capture(self) -> None:
        """Captures what is chosen."""
        raise NotImplementedError

    def _recapture(self, **changes: Any) -> None:
        self.choice = replace(self.choice, **changes)
        self.action_graph_capture()

    def action_graph_model(self) -> None:
        self.choose(self._pick_model())

    async def _pick_model(self) -> None:
        picked = await self.model_at_hand("Model")
        if picked:
            self._recapture(model=picked)

    async def model_at_hand(self, title: str) -> str | None:
        """A model picked from those that are at hand, or named."""
        from tui_app.screens.sources import at_hand, entries

        options = await asyncio.to_thread(at_hand, "model", list(self.lab.runs.rows.values()), Path.cwd())
        return await self.pick(title, options, more=entries, free=True)

    def action_graph_inputs(self) -> None:
        self.choose(self._pick_inputs())

    async def _pick_inputs(self) -> None:
        picked = await self.pick("Inputs", [Option(text) for text in SETS], free=True)
        if picked:
            self._recapture(inputs=inputs_of(picked))

    def action_graph_settings(self) -> None:
        self.choose(self._pick_setting())

    async def _pick_setting(self) -> None:
        now = self.choice
        options = [
            Option(f"{name}={value}", "as it is" if getattr(now, name) == value else "")
            for name, values in (("mode", ("train", "eval")), ("attention", ("auto", "sdpa", "eager")))
            for value in values
        ]
        options += [Option(f"batch={now.batch}", "type another number"), Option(f"sequence={now.sequence}", "likewise")]
        picked = await self.pick("Settings of the capture", options, free=True)
        if not picked:
            return
        try:
            self._recapture(**setting_of(picked))
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)


def inputs_of(text: str) -> tuple[str, ...]:
    """The names in `input_ids,labels`."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def setting_of(text: str) -> dict[str, Any]:
    """`mode=eval` or `sequence=256` as a change of the choice. Raises InputError for anything else."""
    name, _, value = text.partition("=")
    allowed = {"mode": ("train", "eval"), "attention": ("auto", "sdpa", "eager")}
    if name in ("batch", "sequence") and value.isdecimal() and int(value) > 0:
        return {name: int(value)}
    if value in allowed.get(name, ()):
        return {name: value}
    raise InputError(f"{text} is no setting of a capture; write mode=eval, attention=eager, batch=8 or sequence=256.")
