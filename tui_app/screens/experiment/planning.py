"""The line below the form: how many points, how long, where, and what is read and used; or what stands against it."""

from collections.abc import Mapping
from typing import Any

from textual.content import Content
from textual.timer import Timer

from engine.errors import InputError
from engine.experiments.api import AnyExperiment
from engine.experiments.estimate import estimate
from engine.experiments.launch import is_on_hub
from engine.experiments.placement import seats_shown
from engine.runtime.records import RunRecord
from tui_app import glyphs
from tui_app.screens.base import Page
from tui_app.screens.experiment.preview import Preview
from tui_app.text import clean, count
from tui_app.widgets.form.form import Form
from tui_app.widgets.units import show

CHECK_SECONDS = 0.6  # after the last letter, before files and the hub are asked
GROUP = "check"  # of the worker that asks


class Planning:
    """`name` is the experiment's, `history` holds past runs by id: from them the estimate of time is made.

    What is typed is planned at once; a moment later the warm worker is asked whether model and data can be used.
    """

    def __init__(
        self,
        page: Page,
        name: str,
        experiment: AnyExperiment,
        form: Form,
        preview: Preview,
        history: Mapping[str, RunRecord],
    ) -> None:
        self._page, self._name, self._experiment = page, name, experiment
        self._form, self._preview, self._history = form, preview, history
        self._objection = ""
        self._checked: Mapping[str, Any] | None = None  # settings of which the check has answered
        self._said: list[str] = []  # what it had to say of them
        self._checking: Timer | None = None

    def changed(self) -> None:
        """The form says something else."""
        self._objection = ""
        self.look_soon()
        self.plan()

    def look_soon(self) -> None:
        """Has the form checked, after which a driver stands by for what it says."""
        self._stop()
        ready = self._form.config is not None
        self._checking = self._page.set_timer(CHECK_SECONDS, self._look) if ready else None

    def object(self, text: str) -> None:
        """Something stands against what the form says."""
        self._objection = text
        self.plan()

    def begin(self) -> None:
        """It is being started: whatever a check in flight would say, starting says it too."""
        self._stop()
        self._page.workers.cancel_group(self._page, GROUP)
        self._form.show_plan(Content("starting"))

    def _stop(self) -> None:
        if self._checking is not None:
            self._checking.stop()

    def _look(self) -> None:
        if not self._page.is_current:  # another page's form may have been checked by now
            return
        self._page.run_worker(self._check(), group=GROUP, exclusive=True)

    async def _check(self) -> None:
        """Only the answer to what the form still says counts."""
        changed, worker = self._form.changed, self._page.lab.interactive
        try:
            said, objection = await worker.ask("check", experiment=self._name, values=changed), ""
        except InputError as error:
            said, objection = [], str(error)
        if changed == self._form.changed:
            self._checked, self._said = changed, said or []
            self.object(objection)

    def plan(self) -> None:
        """Says it anew."""
        config = self._form.config
        problem = self._form.errors.get("", "") or self._objection
        if config is None or problem:
            self._stand_against(problem or f"Fix: {', '.join(self._form.wrong)}")
            return
        try:
            if self._checked != self._form.changed and is_on_hub(getattr(config, "model", "")):
                self._form.show_plan(Content("looking the model up"))  # in the worker: a network has no place here
                return
            points = self._experiment.points(config)
            seats = seats_shown(config, len(points))
        except (InputError, OSError) as error:
            self._stand_against(str(error))
            return
        settings = config.model_dump(mode="json")
        if self._page.has_class("-fresh"):
            self._preview.show(self._experiment, settings, points)
        taking = estimate(self._experiment, settings, points, self._history.values())
        time = "time unknown" if taking.seconds is None else f"about {show(taking.seconds / seats, 'seconds')}"
        memory = [] if taking.memory is None else [f"{show(taking.memory, 'bytes')} of memory"]
        on_cluster = [f"Ray at {config.address}"] if config.executor == "ray" else []
        where = on_cluster or ([] if config.device == "auto" else [config.device])
        parts = f" {glyphs.sign('dot')} ".join([count(len(points), "point"), time, *memory, *where])
        text = f"{glyphs.state('finished')} {parts}"
        said = "\n".join(map(clean, self._said)) if self._checked == self._form.changed else ""
        self._form.show_plan(Content.assemble((text, "$success"), (f"\n{said}" if said else "", "$muted")))

    def _stand_against(self, text: str) -> None:
        self._form.show_plan(Content.styled(f"{glyphs.state('failed')} {clean(text)}", "$error"))
        self._preview.say("")
