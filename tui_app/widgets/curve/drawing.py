"""When a figure is drawn: one drawing in flight, none while hidden, with pauses as long as its cost asks for."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from textual.widget import Widget

from tui_app.pace import Pace
from tui_app.widgets.curve.frame import Frame, View

SECONDS_BETWEEN = 0.5


class Drawing:
    """The drawings of one widget.

    `begin` gives the work of the next drawing, None where it needed none; while `held` only `now` draws. `stale` is
    whether something changed since the last drawing began, `busy` whether one is in flight.
    """

    def __init__(
        self, widget: Widget, begin: Callable[[], Callable[[], Awaitable[None]] | None], held: Callable[[], bool]
    ) -> None:
        self.stale = self.busy = False
        self._widget, self._begin, self._held = widget, begin, held
        self._at_once = False
        self._pace, self._rests_until = Pace(SECONDS_BETWEEN), 0.0

    def now(self) -> None:
        """Draws now: for what the reader did. What a run did waits for the tick."""
        self.stale = self._at_once = True
        self.if_stale()

    def if_stale(self) -> None:
        """Begins a drawing where there is something to draw, it can be seen, and its time has come."""
        widget = self._widget
        if not self.stale or self.busy or not widget.is_attached or not widget.size or not widget.is_on_screen:
            return
        if not self._at_once and (monotonic() < self._rests_until or self._held()):
            return
        self.stale = self._at_once = False
        work = self._begin()
        if work is not None:
            self.busy = True
            widget.run_worker(self._finish(work), group="curve")

    async def _finish(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        finally:
            self.busy = False
        if self._at_once:
            self.if_stale()

    async def frame(self, view: View) -> Frame:
        """A view drawn in a thread; what that costs sets how long the next tick's drawing waits."""
        frame = await asyncio.to_thread(self._drawn, view)
        self._rests_until = monotonic() + self._pace.seconds - SECONDS_BETWEEN
        return frame

    def _drawn(self, view: View) -> Frame:
        """Draws; what that takes is imported with the first drawing, in its thread."""
        from tui_app.widgets.curve.draw import draw

        with self._pace.measured():
            return draw(view)
