"""The form of an experiment: a row for each setting, errors under the row, and what running it would mean."""

from collections.abc import Mapping
from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.events import Blur, Click, DescendantBlur, Focus
from textual.message import Message
from textual.widgets import Input, Static

from engine.experiments import launch, registry
from engine.experiments.api import AnyExperiment
from tui_app.actions import bindings
from tui_app.living import Living
from tui_app.widgets.form import fields as settings
from tui_app.widgets.form import written
from tui_app.widgets.form.fields import Field
from tui_app.widgets.form.options import Options
from tui_app.widgets.form.row import FormRow, update


class Lines(Living, VerticalScroll, can_focus=False, inherit_bindings=False):
    """Scrolls with the cursor; the keys belong to the form."""


class Form(Living, Vertical, can_focus=True):
    """A list of rows with a cursor: keys are keys until a row's text is edited.

    `config` is what the fields say, or None while one of them is wrong; `changed` what differs from the defaults.
    Typing must be quick while a run keeps all cores busy: there are two widgets a row, and a layout only where an
    error comes or goes.
    """

    BINDINGS = bindings("form")
    HELP = "Settings of the experiment. ↑ ↓ move, enter edits, ← → and space choose, tab leaves, ctrl+r runs."

    class Changed(Message):
        """A field has another text; `config` is read again."""

    class Picking(Message):
        """Enter on a field that names a model or data."""

        def __init__(self, field: Field, text: str) -> None:
            super().__init__()
            self.field, self.text = field, text

    def __init__(self, experiment: AnyExperiment, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.experiment = experiment
        self.fields = settings.fields(experiment.Config)
        self.config, self.errors = settings.read(experiment.Config, {})
        self.lines = tuple(FormRow(field) for field in self.fields)
        self.row = self.lines[0]
        self._planned = ""

    def compose(self) -> ComposeResult:
        with Lines(id="lines"):
            yield from self.lines
        with Vertical(id="foot"):
            yield Static(id="about")
            yield Static(id="plan")
            yield Static(id="command")

    # Texts and values

    @property
    def changed(self) -> dict[str, str | None]:
        """The settings that differ from their defaults."""
        return settings.values(self.fields, self._texts)

    @property
    def _texts(self) -> dict[str, str]:
        return {line.field.name: line.text for line in self.lines}

    @property
    def command(self) -> str:
        """The command that does the same."""
        return launch.command(registry.key_of(self.experiment), self.changed)

    @property
    def toml(self) -> str:
        """The settings as a file to edit or keep."""
        return written.toml(self.fields, self.changed)

    def fill(self, config: Mapping[str, Any]) -> list[str]:
        """Takes other settings; those that are not named go back to their defaults. Returns names that it lacks."""
        self.set_texts(
            {
                field.name: settings.to_text(config[field.name]) if field.name in config else field.default
                for field in self.fields
            }
        )
        return [name for name in config if all(field.name != name for field in self.fields)]

    def set_text(self, name: str, text: str) -> None:
        """Fills one field."""
        self.set_texts({name: text})

    def set_texts(self, texts: Mapping[str, str]) -> None:
        """Fills some fields at once: what stands between one and the next means nothing."""
        self.accept()
        for line in self.lines:
            if line.field.name in texts:
                line.text = texts[line.field.name]
        self._read()

    # The cursor

    @property
    def _shown(self) -> list[FormRow]:
        return [line for line in self.lines if line.display]

    def go_to(self, row: FormRow) -> None:
        """Puts the cursor on a row, and the row in view."""
        self.row = row
        self._point()
        self.query_one("#about", Static).update(row.help, layout=False)
        self.query_one(Lines).scroll_to_widget(row, animate=False, immediate=True)

    def focus_wrong(self) -> None:
        """Goes to the first field that is wrong."""
        wrong = next((line for line in self.lines if line.error), None)
        if wrong is not None:
            self.go_to(wrong)
            self.focus()

    def _point(self) -> None:
        for line in self.lines:
            line.point(line is self.row, keys=self.has_focus)

    def on_focus(self, event: Focus) -> None:
        self._point()

    def on_blur(self, event: Blur) -> None:
        self._point()

    @property
    def wrong(self) -> list[str]:
        """The titles of the settings that cannot be read."""
        return [line.field.title for line in self.lines if line.field.name in self.errors]

    @property
    def explanation(self) -> str:
        """What F1 says: the setting under the cursor, how to change it, and the plan, which may not fit below."""
        return f"{self.row.explanation} {self.HELP}\n\n{self._planned}"

    def _step(self, step: int) -> None:
        rows = self._shown
        here = rows.index(self.row) if self.row in rows else 0
        self.go_to(rows[max(0, min(here + step, len(rows) - 1))])

    @property
    def _page(self) -> int:
        return max(1, self.query_one(Lines).size.height // 2)

    def action_form_next(self) -> None:
        self._step(1)

    def action_form_previous(self) -> None:
        self._step(-1)

    def action_form_half_down(self) -> None:
        self._step(self._page)

    def action_form_half_up(self) -> None:
        self._step(-self._page)

    def action_form_first(self) -> None:
        self._step(-len(self.lines))

    def action_form_last(self) -> None:
        self._step(len(self.lines))

    # Changing a row

    @property
    def editing(self) -> bool:
        """Whether what is typed is text."""
        return self.row.editing

    def accept(self, *, restore: bool = False) -> None:
        """Ends the editing of a row, if one is edited; the text stays, or is again what it was."""
        if self.row.editing:
            self.row.stop(restore=restore)
            self.focus()
            self._read()  # at once: what is said and what is started are of the text that stands there

    def restore(self) -> None:
        """Ends the editing; the row is as it was."""
        self.accept(restore=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        chooses = isinstance(self.row.control, Options)
        if action in ("form_left", "form_right", "form_toggle"):
            return chooses
        return not chooses if action == "form_edit" else super().check_action(action, parameters)

    def action_form_edit(self) -> None:
        self.row.edit()

    def action_form_open(self) -> None:
        if self.row.field.kind == "source":
            self.post_message(self.Picking(self.row.field, self.row.text))
        elif isinstance(self.row.control, Options):
            self.row.control.toggle()
        else:
            self.row.edit()

    def action_form_left(self) -> None:
        if isinstance(self.row.control, Options):
            self.row.control.move(-1)

    def action_form_right(self) -> None:
        if isinstance(self.row.control, Options):
            self.row.control.move(1)

    def action_form_toggle(self) -> None:
        if isinstance(self.row.control, Options):
            self.row.control.toggle()

    def on_click(self, event: Click) -> None:
        """The first click goes to a row, one on the row under the cursor does what enter does."""
        clicked = next((line for line in self._shown if line.region.contains(*event.screen_offset)), None)
        if clicked is None or clicked.editing:
            return
        again = clicked is self.row
        self.accept()
        self.go_to(clicked)
        if again:
            self.action_form_open()

    def on_descendant_blur(self, event: DescendantBlur) -> None:
        """Whoever goes elsewhere accepts the text; a terminal behind another window changes nothing."""
        if self.app.app_focus and not self.row.control.has_focus:
            self.row.stop()

    # While typing

    def on_mount(self) -> None:
        self._read()
        self.go_to(self.row)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._read()

    def on_options_changed(self, event: Options.Changed) -> None:
        event.stop()
        self._read()

    def _read(self) -> None:
        texts = settings.settled(self._texts)
        found = {settings.TASK: texts[settings.TASK]} if settings.TASK in texts else {}
        self.config, self.errors = settings.read(self.experiment.Config, {**self.changed, **found})
        for line in self.lines:
            line.display = line.field.applies(texts)
            line.show_error(self.errors.get(line.field.name, ""))
        if not self.row.display:
            self.go_to(self._shown[0])
        self.query_one("#command", Static).update(Content.styled(self.command, "$muted"), layout=False)
        self.post_message(self.Changed())

    def show_plan(self, text: Content) -> None:
        """What running it would mean, or what stands against it."""
        self._planned = text.plain
        update(self.query_one("#plan", Static), text)
