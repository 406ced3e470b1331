"""The form of an experiment: a line for each setting, errors under the field, and what running it would mean."""

from collections.abc import Mapping
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import DescendantFocus
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from engine.experiments import launch
from engine.experiments.base import Experiment
from tui_app.actions import bindings
from tui_app.text import clean
from tui_app.widgets.form import fields as settings
from tui_app.widgets.form import written
from tui_app.widgets.form.fields import Field
from tui_app.widgets.form.options import Options
from tui_app.widgets.lineinput import LineInput

SOURCE_HINT = "enter lists what is at hand"
CHOICE_HINT = "← → move, space chooses"


def update(static: Static, text: Content) -> None:
    """Changes a text that is as high as it needs; laid out again only where that is another height."""
    width = max(1, static.size.width)
    before = static.content if isinstance(static.content, Content) else Content("")
    heights = {len(content.wrap(width)) for content in (before, text)}
    if not text.is_same(before):
        static.update(text, layout=len(heights) > 1)


class Line(Horizontal):
    """One setting: its title and the widget that holds its text. What is wrong with it is mounted below while it is."""

    def __init__(self, field: Field) -> None:
        super().__init__(id=f"line-{field.name}")
        self.field = field
        self.error = ""
        self.sentence: Static | None = None
        if field.kind in ("choice", "choices", "switch"):
            self.control: Input | Options = Options(field.choices, field.default, several=field.kind == "choices")
        else:
            self.control = LineInput(field.default, compact=True)

    def compose(self) -> ComposeResult:
        yield Static(Content(self.field.title), classes="title")
        yield self.control

    @property
    def text(self) -> str:
        """What the field holds."""
        return self.control.value

    @text.setter
    def text(self, text: str) -> None:
        with self.prevent(Input.Changed, Options.Changed):
            self.control.value = text

    def show_error(self, sentence: str) -> None:
        """Shows the sentence below the field, or takes it away."""
        if sentence == self.error:
            return
        self.error = sentence
        if not sentence and self.sentence is not None:
            self.sentence.remove()
            self.sentence = None
        elif self.sentence is not None:
            update(self.sentence, Content(clean(sentence)))
        elif isinstance(self.parent, Widget):
            self.sentence = Static(Content(clean(sentence)), classes="error")
            self.parent.mount(self.sentence, after=self)

    @property
    def explanation(self) -> str:
        """What F1 says of the setting."""
        hint = CHOICE_HINT if self.field.choices else self._hint
        return f"{self.field.title}: {self.field.description}" + (f" {hint}." if hint else "")

    @property
    def help(self) -> Content:
        """What the setting means, for the foot of the form."""
        return Content.assemble((self.field.description, ""), (f" {self._hint}".rstrip(), "$muted"))

    @property
    def _hint(self) -> str:
        return SOURCE_HINT if self.field.kind == "source" else ""


class Lines(VerticalScroll, can_focus=False, inherit_bindings=False):
    """Scrolls with the focus; the arrow keys belong to the form."""


class Form(Vertical):
    """`config` is what the fields say, or None while one of them is wrong; `changed` what differs from the defaults.

    Typing must be quick while a run keeps all cores busy: there are two widgets a line, and a layout only where an
    error comes or goes.
    """

    BINDINGS = bindings("form.next", "form.previous")
    HELP = "Settings of the experiment. ↑ ↓ move, tab leaves, enter on model or data lists what is there, ctrl+r runs."

    class Changed(Message):
        """A field has another text; `config` is read again."""

    class Picking(Message):
        """Enter on a field that names a model or data."""

        def __init__(self, field: Field, text: str) -> None:
            super().__init__()
            self.field, self.text = field, text

    def __init__(self, experiment: Experiment, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.experiment = experiment
        self.fields = settings.fields(experiment.Config)
        self.config, self.errors = settings.read(experiment.Config, {})
        self.lines: tuple[Line, ...] = ()
        self._last: Line | None = None

    def compose(self) -> ComposeResult:
        self.lines = tuple(Line(field) for field in self.fields)
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
        return launch.command(self.experiment.name, self.changed)

    @property
    def toml(self) -> str:
        """The settings as a file to edit or keep."""
        return written.toml(self.fields, self.changed)

    def fill(self, config: Mapping[str, Any]) -> list[str]:
        """Takes other settings; those that are not named go back to their defaults. Returns names that it lacks."""
        for line in self.lines:
            field = line.field
            line.text = settings.to_text(config[field.name]) if field.name in config else field.default
        self._read()
        return [name for name in config if all(field.name != name for field in self.fields)]

    def set_text(self, name: str, text: str) -> None:
        """Fills one field."""
        next(line for line in self.lines if line.field.name == name).text = text
        self._read()

    def focus_wrong(self) -> None:
        """Goes to the first field that is wrong."""
        wrong = next((line for line in self.lines if line.error), None)
        if wrong is not None:
            wrong.control.focus()

    @property
    def last(self) -> Input | Options:
        """The field that last had the focus, or the first of those in view."""
        shown = [line for line in self.lines if line.display]
        return (self._last if self._last in shown else shown[0]).control

    # While typing

    def on_mount(self) -> None:
        self._read()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._read()

    def on_options_changed(self, event: Options.Changed) -> None:
        event.stop()
        self._read()

    def _read(self) -> None:
        self.config, self.errors = settings.read(self.experiment.Config, self.changed)
        texts = self._texts
        for line in self.lines:
            line.display = line.field.applies(texts)
            line.show_error(self.errors.get(line.field.name, ""))
        if any(line.control.has_focus and not line.display for line in self.lines):
            self.screen.set_focus(self.last)
        self.query_one("#command", Static).update(Content.styled(self.command, "$muted"), layout=False)
        self.post_message(self.Changed())

    def show_plan(self, text: Content) -> None:
        """What running it would mean, or what stands against it."""
        update(self.query_one("#plan", Static), text)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        line = next((node for node in event.widget.ancestors if isinstance(node, Line)), None)
        if line is not None:
            self._last = line
            self.query_one("#about", Static).update(line.help, layout=False)

    # Keys

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        line = next(line for line in self.lines if line.control is event.input)
        if line.field.kind == "source":
            self.post_message(self.Picking(line.field, line.text))
        else:
            self.action_form_next()

    def action_form_next(self) -> None:
        self._go(1)

    def action_form_previous(self) -> None:
        self._go(-1)

    def _go(self, step: int) -> None:
        controls = [line.control for line in self.lines if line.display]
        here = next((i for i, control in enumerate(controls) if control.has_focus), None)
        if here is not None:
            there = controls[max(0, min(here + step, len(controls) - 1))]
            self.screen.set_focus(there)  # at once: what is typed next is for it
