"""What can be done to a run, the same wherever a run is shown."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from textual import work

from engine.errors import InputError
from engine.runtime.files import in_words
from tui_app.actions import Action
from tui_app.runs.summary import ENDED, Summary
from tui_app.screens.searchactions import SearchActions

CONFIRM_SECONDS = 4.0
FOR_A_RUN: dict[str, frozenset[str]] = {  # with the states that leave nothing to do
    "run_pause": frozenset(("finished", "cancelled", "damaged")),
    "run_cancel": ENDED | {"damaged"},
    "run_rerun": frozenset(("damaged",)),
    "run_log": frozenset(("damaged",)),
    "run_tag": frozenset(("damaged",)),
}


class RunActions(SearchActions):
    """A page with a run in focus. Subclasses bind the group `run` and say which run is meant."""

    _cancelling: tuple[str, float] = ("", 0.0)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in FOR_A_RUN:
            run = self.chosen_run()
            return run is not None and run.state not in FOR_A_RUN[action]
        return super().check_action(action, parameters)

    def label(self, action: Action) -> str:
        run = self.chosen_run() if action.id == "run.pause" else None
        return "resume" if run is not None and run.resumes else super().label(action)

    def action_run_pause(self) -> None:
        from engine.runtime import control

        run = self.chosen_run()
        if run is None:
            return
        if run.resumes:
            self._control(control.resume, run.path, f"{run.id} goes on.")
        else:
            when = " after the running point" if run.state == "running" else ""
            self._control(control.pause, run.path, f"{run.id} pauses{when}.")

    def action_run_cancel(self) -> None:
        """Asks for the key twice: what a cancelled run has not done stays undone."""
        from engine.runtime import control

        run = self.chosen_run()
        if run is None:
            return
        name, until = self._cancelling
        if name == run.id and self.lab.clock() < until:
            self._cancelling = ("", 0.0)
            self.app.clear_notifications()  # what asked for the second key has been answered
            self._control(control.cancel, run.path, f"{run.id} is cancelled.")
        else:
            self._cancelling = (run.id, self.lab.clock() + CONFIRM_SECONDS)
            text = f"Press again to cancel {run.id} ({run.done} of {run.total} points done)."
            self.notify(text, severity="warning", timeout=CONFIRM_SECONDS, markup=False)

    def action_run_rerun(self) -> None:
        """At once: the keys that follow are for the form."""
        from engine.runtime.spec import RunSpec

        run = self.chosen_run()
        if run is None:
            return
        try:
            config = RunSpec.read(run.path).config
        except (InputError, OSError) as error:
            self.notify(in_words(error), severity="error", markup=False)
            return
        self.lab.open_experiment(run.experiment, config)

    def action_run_log(self) -> None:
        run = self.chosen_run()
        if run is not None:
            from tui_app.screens.run import RunScreen

            self.app.push_screen(RunScreen(run.id, view="log"))

    def action_run_tag(self) -> None:
        """Asks for tags and a note in one line, as they are."""
        from tui_app.screens.ask import AskScreen

        if (run := self.chosen_run()) is not None:
            written = f"{run.tag}; {run.note}" if run.note else run.tag
            self.app.push_screen(AskScreen(f"Tags of {run.id}, then ; and a note", written), partial(self._tag, run))

    def _tag(self, run: Summary, text: str | None) -> None:
        from engine.runtime.label import Label, write_label

        if text is None:
            return
        tags, _, note = text.partition(";")
        try:
            write_label(run.path, Label().tagged(tags.replace(",", " ").split()).noted(note))
        except (InputError, OSError) as error:
            self.notify(str(error), severity="error", markup=False)

    @work(thread=True, group="control")
    def _control(self, verb: Callable[[Path], object], path: Path, done: str) -> None:
        try:
            state = verb(path)
        except (InputError, OSError) as error:
            self.app.call_from_thread(self.notify, in_words(error), severity="error", markup=False)
            return
        if state in ("finished", "failed"):
            done = f"{path.name} had {state} before."
        self.lab.runs.wake()
        self.app.call_from_thread(self.notify, done, timeout=3, markup=False)
