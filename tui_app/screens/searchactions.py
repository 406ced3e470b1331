"""What can be asked of a search wherever a run is shown: more trials, and a trial by hand."""

from collections.abc import Callable
from pathlib import Path

from textual import work

from engine.errors import InputError
from engine.runtime.files import in_words
from tui_app.runs.summary import Summary
from tui_app.screens.base import LabScreen

ACTIONS = ("run_more", "run_try")


class SearchActions(LabScreen):
    """A page with a run in focus; the keys are there where that run is a search."""

    def chosen_run(self) -> Summary | None:
        """The run that the keys act on."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ACTIONS:
            run = self.chosen_run()
            return run is not None and is_search(run.experiment) and run.state != "cancelled"
        return super().check_action(action, parameters)

    def action_run_more(self) -> None:
        from tui_app.screens.ask import AskScreen

        if (run := self.chosen_run()) is None:
            return

        def extend(text: str | None) -> None:
            if text:
                count = int(text) if text.isdecimal() else 0
                self._ask_for(lambda path: _extend(path, count), run.path, f"{run.id} gets {text} more of each curve.")

        self.app.push_screen(AskScreen(f"Trials to add to each curve of {run.id}", "8"), extend)

    @work(group="ask")
    async def action_run_try(self) -> None:
        import asyncio

        from engine.experiments.asking import suggestion
        from tui_app.screens.ask import AskScreen

        if (run := self.chosen_run()) is None:
            return
        try:
            start = await asyncio.to_thread(suggestion, run.path)
        except (InputError, OSError) as error:
            self.notify(in_words(error), severity="error", markup=False)
            return
        text = await self.lab.ask(self, AskScreen(f"The next trial of {run.id}: name=value; …", start))
        if text:
            self._ask_for(lambda path: _enqueue(path, text), run.path, f"{run.id} tries it next.")

    @work(thread=True, group="control")
    def _ask_for(self, verb: Callable[[Path], None], path: Path, done: str) -> None:
        try:
            verb(path)
        except (InputError, OSError) as error:
            self.app.call_from_thread(self.notify, in_words(error), severity="error", markup=False)
            return
        self.app.call_from_thread(self.notify, done, timeout=3, markup=False)


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
