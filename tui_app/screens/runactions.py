"""What can be done to a run, the same wherever a run is shown."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from engine.errors import InputError
from engine.runtime.files import in_words
from tui_app.actions import Action
from tui_app.controller import Controller
from tui_app.runs.summary import ENDED, Summary
from tui_app.screens.base import Page
from tui_app.screens.carryingout import carry_out

CONFIRM_SECONDS = 4.0
NOTHING_TO_DO: dict[str, frozenset[str]] = {  # by action, the states that leave nothing to do
    "run_pause": frozenset(("finished", "cancelled", "damaged")),
    "run_cancel": ENDED | {"damaged"},
    "run_rerun": frozenset(("damaged",)),
    "run_log": frozenset(("damaged",)),
    "run_tag": frozenset(("damaged",)),
    "run_remove": frozenset(("running", "queued")),
}


class RunActions(Controller):
    """A page that adopts it binds the group `run`; `chosen` gives the run that is meant, `marked` the marked ones."""

    def __init__(
        self, page: Page, chosen: Callable[[], Summary | None], marked: Callable[[], Sequence[Summary]] = tuple
    ) -> None:
        self._page, self._chosen, self._marked = page, chosen, marked
        self._cancelling: tuple[str, float] = ("", 0.0)

    def live(self, action: str) -> bool:
        if action == "run_remove":
            return bool(self._removable)
        run = self._chosen()
        return run is not None and run.state not in NOTHING_TO_DO[action]

    def label(self, action: Action) -> str:
        run = self._chosen() if action.id == "run.pause" else None
        return "resume" if run is not None and run.resumes else super().label(action)

    def action_run_pause(self) -> None:
        from engine.runtime import control

        run = self._chosen()
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

        run = self._chosen()
        if run is None:
            return
        name, until = self._cancelling
        if name == run.id and self._page.lab.clock() < until:
            self._cancelling = ("", 0.0)
            self._page.app.clear_notifications()  # what asked for the second key has been answered
            self._control(control.cancel, run.path, f"{run.id} is cancelled.")
        else:
            self._cancelling = (run.id, self._page.lab.clock() + CONFIRM_SECONDS)
            text = f"Press again to cancel {run.id} ({run.done} of {run.total} points done)."
            self._page.notify(text, severity="warning", timeout=CONFIRM_SECONDS, markup=False)

    def action_run_rerun(self) -> None:
        """At once: the keys that follow are for the form."""
        from engine.runtime.spec import RunSpec

        run = self._chosen()
        if run is None:
            return
        try:
            config = RunSpec.read(run.path).config
        except (InputError, OSError) as error:
            self._page.notify(in_words(error), severity="error", markup=False)
            return
        self._page.lab.open_experiment(run.experiment, config)

    def action_run_log(self) -> None:
        run = self._chosen()
        if run is not None:
            from tui_app.screens.run.screen import RunScreen

            self._page.app.push_screen(RunScreen(run.id, view="log"))

    def action_run_tag(self) -> None:
        """Asks for tags and a note in one line, as they are."""
        from tui_app.screens.ask import AskScreen

        if (run := self._chosen()) is not None:
            written = f"{run.tag}; {run.note}" if run.note else run.tag
            self._page.app.push_screen(
                AskScreen(f"Tags of {run.id}, then ; and a note", written), partial(self._tag, run)
            )

    @property
    def _removable(self) -> list[Summary]:
        """Of the marked runs, or else of the one that is meant, those at rest."""
        meant = self._marked() or [run for run in [self._chosen()] if run is not None]
        return [run for run in meant if run.state not in NOTHING_TO_DO["run_remove"]]

    def action_run_remove(self) -> None:
        from tui_app.screens.remove import RemoveScreen

        if runs := self._removable:
            self._page.app.push_screen(RemoveScreen(self._page, runs))

    def _tag(self, run: Summary, text: str | None) -> None:
        from engine.runtime.label import Label, write_label

        if text is None:
            return
        tags, _, note = text.partition(";")
        try:
            write_label(run.path, Label().tagged(tags.replace(",", " ").split()).noted(note))
        except (InputError, OSError) as error:
            self._page.notify(str(error), severity="error", markup=False)

    def _control(self, verb: Callable[[Path], object], path: Path, done: str) -> None:
        def work() -> str:
            state = verb(path)
            self._page.lab.runs.wake()
            return f"{path.name} had {state} before." if state in ("finished", "failed") else done

        carry_out(self._page, work)
