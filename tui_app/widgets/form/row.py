"""One row of a form: a setting's title and what it is set to, edited in place when that is asked for."""

from typing import Protocol, cast

from rich.segment import Segment
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input, Static

from tui_app import glyphs
from tui_app.actions import bindings
from tui_app.living import Living
from tui_app.text import clean
from tui_app.widgets.form.fields import Field
from tui_app.widgets.form.options import Options
from tui_app.widgets.lineinput import LineInput

SOURCE_HINT = "enter lists what is at hand, i edits"
CHOICE_HINT = "← → move, space chooses"


def update(static: Static, text: Content) -> None:
    """Changes a text that is as high as it needs; laid out again only where that is another height."""
    width = max(1, static.size.width)
    before = static.content if isinstance(static.content, Content) else Content("")
    heights = {len(content.wrap(width)) for content in (before, text)}
    if not text.is_same(before):
        static.update(text, layout=len(heights) > 1)


class Editor(Protocol):
    """The form, as a row knows it."""

    def accept(self) -> None:
        """Keeps the text that is edited."""

    def action_form_next(self) -> None:
        """Goes to the next row."""

    def action_form_previous(self) -> None:
        """Goes to the row before."""


class RowInput(LineInput):
    """A row's text. It takes the focus only while it is edited; until then it shows the beginning of the text."""

    BINDINGS = bindings("edit")

    def __init__(self, text: str) -> None:
        super().__init__(text, compact=True, select_on_focus=False)
        self.can_focus = False

    def render_line(self, y: int) -> Strip:
        if self.has_focus:
            return super().render_line(y)
        width, style = self.size.width, self.rich_style
        return Strip([Segment(glyphs.clip(clean(self.value), width), style)]).adjust_cell_length(width, style)

    @property
    def form(self) -> Editor:
        """The form that it stands in."""
        return cast("Editor", next(node for node in self.ancestors if node.id == "lines").parent)

    def action_edit_accept(self) -> None:
        self.form.accept()

    def action_edit_next(self) -> None:
        self.form.accept()
        self.form.action_form_next()

    def action_edit_previous(self) -> None:
        self.form.accept()
        self.form.action_form_previous()


class FormRow(Living, Horizontal):
    """One setting: its title and the widget that holds its text. What is wrong with it is mounted below while it is."""

    def __init__(self, field: Field) -> None:
        super().__init__(id=f"line-{field.name}")
        self.field = field
        self.error = ""
        self.sentence: Static | None = None
        self._before: str | None = None
        self._title = Static(self._titled(False), classes="title")
        self.control: RowInput | Options
        if field.kind in ("choice", "choices", "switch"):
            self.control = Options(field.choices, field.default, several=field.kind == "choices")
        else:
            self.control = RowInput(field.default)

    def compose(self) -> ComposeResult:
        yield self._title
        yield self.control

    def _titled(self, here: bool) -> Content:
        """The title behind the sign of the cursor, which is there without colours too."""
        return Content.assemble((glyphs.sign("cursor") if here else " ", "$primary"), self.field.title)

    @property
    def text(self) -> str:
        """What the field holds."""
        return self.control.value

    @text.setter
    def text(self, text: str) -> None:
        with self.prevent(Input.Changed, Options.Changed):
            self.control.value = text

    def point(self, here: bool, *, keys: bool) -> None:
        """Shows whether the form's cursor is on it, and whether the form has the keys."""
        if here != self.has_class("-current"):
            self.set_class(here, "-current")
            self._title.update(self._titled(here), layout=False)
        if isinstance(self.control, Options):
            self.control.point(here and keys)

    # Editing

    @property
    def editing(self) -> bool:
        """Whether keys are text here."""
        return self._before is not None

    def edit(self) -> None:
        """Gives the keys to the text, all of it selected."""
        if isinstance(self.control, RowInput) and not self.editing:
            self._before = self.control.value
            self.control.can_focus = True
            self.screen.set_focus(self.control)
            self.control.select_all()

    def stop(self, *, restore: bool = False) -> None:
        """Takes the keys back; the text stays, or is again what it was."""
        if isinstance(self.control, RowInput) and self._before is not None:
            if restore:
                self.control.value = self._before
            self._before = None
            self.control.can_focus = False
            self.control.refresh()

    # What is said about it

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
