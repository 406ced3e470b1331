"""A framed part of a screen: has a title, a letter to jump to it, and can be zoomed and resized."""

from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from tui_app.living import Living


class Pane(Living, Vertical):
    """A frame round one or more widgets.

    `label` is its name in the frame and in the narrow layout's tabs, `jump` the letter that `;` shows on it.
    """

    ALLOW_MAXIMIZE = True

    def __init__(self, *children: Widget, label: str, jump: str, id: str, classes: str = "") -> None:
        super().__init__(*children, id=id, classes=classes)
        self.label = label
        self.jump = jump
        self.border_title = Content(label)
        self._titles = Content(label), Content("")

    def title(self, title: Content | str, right: Content | str = "") -> None:
        """Writes into the frame; plain strings are taken literally. A frame is drawn again only where it changed."""
        now = Content(title) if isinstance(title, str) else title, Content(right) if isinstance(right, str) else right
        if not all(one.is_same(other) for one, other in zip(now, self._titles, strict=True)):
            self._titles = now
            self.border_title, self.border_subtitle = now

    @property
    def targets(self) -> list[Widget]:
        """What can take the focus inside, shown or not."""
        return [widget for widget in self.query("*").results(Widget) if widget.can_focus and not widget.disabled]

    def resize(self, factor: float) -> None:
        """Takes more (or less) of the room that it shares with its neighbours."""
        layout = self.parent.styles.layout if isinstance(self.parent, Widget) else None
        side = "width" if layout is not None and layout.name == "horizontal" else "height"
        now = getattr(self.styles, side)
        if now is not None and now.unit.name == "FRACTION":
            setattr(self.styles, side, f"{min(8.0, max(0.25, now.value * factor)):.3f}fr")

    def even(self) -> None:
        """Back to the size that the style sheet gives."""
        for side in ("width", "height"):
            self.styles.inline.clear_rule(side)
        self.refresh(layout=True)
