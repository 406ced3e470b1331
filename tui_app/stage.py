"""One key after another: each is done with, on the page that it was pressed on, before the next is looked at."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from textual.app import App
from textual.await_complete import AwaitComplete
from textual.dom import DOMNode
from textual.events import Event, Key, Paste
from textual.notifications import SeverityLevel
from textual.screen import Screen

from engine.text import clean

Answer = TypeVar("Answer")

LONGEST = 1.0  # seconds that a key waits for the one before it
OPENING = 5.0  # seconds that it waits for a page to open
AGAIN = 0.002


class Stage(App[None], inherit_bindings=False):
    """Keys and pasted text come from the terminal in order, but Textual lets some overtake others: letters go straight
    to a text field, other keys through messages; what a key causes (a page, a focus, a choice) comes messages later.
    """

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """A toast. What its message repeats from outside loses its escapes."""
        super().notify(clean(message), title=title, severity=severity, timeout=timeout, markup=markup)

    async def on_event(self, event: Event) -> None:
        if isinstance(event, Key | Paste) and not event.is_forwarded:
            await self._in_turn(event)
        else:
            await super().on_event(event)

    async def _in_turn(self, event: Key | Paste) -> None:
        await self._opened()
        before = self.focused or self.screen
        if isinstance(event, Key):
            await self._press(event)
        else:
            await super().on_event(event)
        await self._done(before)
        await self._opened()
        if (after := self.focused or self.screen) is not before:
            await self._done(after)

    async def _press(self, key: Key) -> None:
        """What the widget in focus takes as text is text; everything else is a key, at once."""
        if not self.app_focus:
            self.app_focus = True
        target = self.focused or self.screen
        if await self._check_bindings(key.key, priority=True):
            return
        if target.check_consume_key(key.key, key.character):
            target._forward_event(key)
        else:
            await self._check_bindings(key.key)

    async def _opened(self) -> None:
        """Waits until the page on top has its widgets."""
        try:
            async with asyncio.timeout(OPENING):
                while not (self._exit or self.screen.is_mounted):
                    await asyncio.sleep(AGAIN)
        except TimeoutError:
            self.log.warning(f"{self.screen} has not opened")

    async def _done(self, node: DOMNode) -> None:
        """Waits until the messages that came before now have been handled, from the widget up to its page."""
        for one in list(node.ancestors_with_self):
            if self._exit or one is self:
                return
            handled = asyncio.Event()
            if one.is_running and one.call_later(handled.set):
                try:
                    async with asyncio.timeout(LONGEST):
                        await handled.wait()
                except TimeoutError:
                    self.log.warning(f"{one} is still at work")

    def pop_screen(self) -> AwaitComplete:
        """Leaves the page on top; what it and its widgets were working on ends at once."""
        page = self.screen
        popped = super().pop_screen()
        for worker in list(self.workers):
            if page in worker.node.ancestors_with_self:
                worker.cancel()
        return popped

    async def ask(self, page: Screen[Any], dialog: Screen[Answer]) -> Answer | None:
        """The answer to a dialog that arrives; None where it could not."""
        answer: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()

        def take(value: Answer | None) -> None:
            if not answer.done():
                answer.set_result(value)

        self.arrive(page, dialog, take)
        return await answer

    def arrive(
        self, page: Screen[Any], screen: Screen[Answer], take: Callable[[Answer | None], None] = lambda _: None
    ) -> None:
        """Opens a page or dialog that comes by itself, after some work: behind the keys that were pressed before it,
        and only while `page` is on top. `take` gets the answer, None where it did not come.
        """

        def show() -> None:
            if self.screen is page:
                self.push_screen(screen, take)
            else:
                take(None)

        self.call_later(show)  # the app's own queue: keys are in it
