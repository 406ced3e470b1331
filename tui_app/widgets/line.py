"""Text that changes often: drawn again only where it really changed, and without a new layout."""

from textual.content import Content
from textual.widgets import Static

from tui_app.living import Living


class Line(Living, Static):
    """One line."""

    def __init__(self, text: str = "", *, id: str | None = None) -> None:
        super().__init__(Content(text), id=id)
        self._shown = Content(text)

    def show(self, content: Content, *, layout: bool = False) -> None:
        """Other text; `layout` where its size may matter."""
        if not content.is_same(self._shown):
            self._shown = content
            self.update(content, layout=layout)
