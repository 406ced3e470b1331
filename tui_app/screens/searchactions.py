"""What can be asked of a search wherever a run is shown: more trials, and a trial by hand."""

from collections.abc import Callable
from pathlib import Path

from engine.errors import InputError
from engine.runtime.files import in_words
from tui_app.controller import Controller
from tui_app.runs.summary import Summary
from tui_app.screens.base import Page
from tui_app.screens.carryingout import carry_out


class SearchActions(Controller):
    """The keys are there where the run that `chosen` gives is a search."""

    def __init__(self, page: Page, chosen: Callable[[], Summary | None]) -> None:
        self._page, self._chosen = page, chosen

    def live(self, action: str) -> bool:
        run = self._chosen()
        return run is not None and is_search(run.experiment) and run.state != "cancelled"

    def action_run_more(self) -> None:
        from tui_app.screens.ask import AskScreen

        if (run := self._chosen()) is None:
            return

        def extend(text: str | None) -> None:
            if text:
                count = int(text) if text.isdecimal() else 0
                self._ask_for(lambda: _extend(run.path, count), f"{run.id} gets {text} more of each curve.")

        self._page.app.push_screen(AskScreen(f"Trials to add to each curve of {run.id}", "8"), extend)

    def action_run_try(self) -> None:
        if (run := self._chosen()) is not None:
            self._page.run_worker(self._try(run), group="ask")

    async def _try(self, run: Summary) -> None:
        import asyncio

        from engine.experiments.asking import suggestion
        from tui_app.screens.ask import AskScreen

        try:
            start = await asyncio.to_thread(suggestion, run.path)
        except (InputError, OSError) as error:
            self._page.notify(in_words(error), severity="error", markup=False)
            return
        text = await self._page.lab.ask(self._page, AskScreen(f"The next trial of {run.id}: name=value; …", start))
        if text:
            self._ask_for(lambda: _enqueue(run.path, text), f"{run.id} tries it next.")

    def _ask_for(self, verb: Callable[[], None], done: str) -> None:
        def work() -> str:
            verb()
            return done

        carry_out(self._page, work)


def is_search(name: str) -> bool:
    """Whether an experiment's points are asked for while it runs."""
    from engine.experiments import registry
    from engine.experiments.api import Experiment

    try:
        return type(registry.get(name)).study is not Experiment.study
    except InputError:  # a run of an experiment that is not installed here
        return False


def _extend(path: Path, count: int) -> None:
    from engine.experiments.asking import extend

    extend(path, count)


def _enqueue(path: Path, text: str) -> None:
    from engine.experiments.asking import enqueue, read_params

    enqueue(path, read_params(text))
