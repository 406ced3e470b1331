"""How frames reach the terminal: only the cells that changed, and nothing of pages that cannot be seen."""

from collections.abc import Iterator

from rich.color import ColorSystem
from rich.console import RenderableType
from rich.control import Control
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.geometry import Offset
from textual.screen import Screen

from tui_app.changes import Part, Shown


class Painting(App[None], inherit_bindings=False):
    """Textual sends what was asked to be drawn again, whether it looks different or not."""

    _shown: Shown
    _cursor: Offset | None = None

    def __init__(self) -> None:
        super().__init__()
        self._shown = Shown()

    @property
    def _background_screens(self) -> list[Screen[object]]:
        """What is seen through the page on top; a page under an opaque one is not drawn and its clocks stand still."""
        opaque = any(page.styles.background.a == 1 for page in self._screen_stack[-1:])
        return [] if opaque else super()._background_screens

    def redraw(self) -> None:
        """Sends the whole screen with the next frame, which is asked for."""
        self._shown.forget()
        self._cursor = None
        self.screen.refresh()

    def action_app_redraw(self) -> None:
        self.redraw()

    def on_resize(self) -> None:
        self._shown.forget()  # the terminal has moved and cut lines as it likes

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        driver = self._driver
        seen = self._running and not (self._closed or self._batch_count or self.is_headless or self.is_inline)
        if driver is None or not seen or not isinstance(renderable, LayoutUpdate | ChopsUpdate):
            super()._display(screen, renderable)
            return
        try:
            text = self._changes(screen, renderable)
            cursor = self.screen.outer_size.clamp_offset(self.cursor_position)
            if text or cursor != self._cursor:
                self._cursor = cursor
                self._begin_update()
                driver.write(text + Control.move_to(*cursor).segment.text)
                self._end_update()
                driver.flush()
        except Exception as error:
            self._handle_exception(error)
        finally:
            self.post_display_hook()

    def _changes(self, screen: Screen[object], frame: LayoutUpdate | ChopsUpdate) -> str:
        size = screen._compositor.size
        if self._shown.size != size:
            self._shown.forget(*size)
            if isinstance(frame, ChopsUpdate):  # of a screen of which nothing is known
                stack = self._background_screens
                frame = screen._compositor.render_update(full=True, screen_stack=stack)  # type: ignore[assignment]
        colors = self.console._color_system or ColorSystem.TRUECOLOR
        return self._shown.take(whole(frame) if isinstance(frame, LayoutUpdate) else spans(frame), colors)


def whole(frame: LayoutUpdate) -> Iterator[Part]:
    """A whole screen's strips."""
    for y, strips in enumerate(frame.strips, frame.region.y):
        x = frame.region.x
        for strip in strips:
            yield Part(y, x, strip, x, x + strip.cell_length)
            x += strip.cell_length


def spans(frame: ChopsUpdate) -> Iterator[Part]:
    """The strips of those parts of lines that are drawn again; outside of them a strip may be one that is covered."""
    for y, start, end in frame.spans:
        for x, strip in frame.chops[y].items():
            if strip is not None and x < end and x + strip.cell_length > start:
                yield Part(y, x, strip, start, end)
