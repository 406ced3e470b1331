"""What is scheduled goes with its page: nothing of ours runs for a widget or a page that has left the screen.

Textual removes a page over several turns of the event loop. What was asked for before then (timers, callbacks after a
refresh, messages, focus) still comes, finds half a page or the wrong one on top, and ends the app.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.await_complete import AwaitComplete
from textual.events import Unmount
from textual.message import Message
from textual.message_pump import MessagePump
from textual.messages import InvokeLater
from textual.screen import Screen
from textual.timer import Timer

if TYPE_CHECKING:
    from textual.widget import Widget as _Base
else:
    _Base = MessagePump  # no Widget: style sheets look at the first base that is one

THEIRS = ("textual", "asyncio")


class Living(_Base):
    """First base of every widget and page of ours. Textual's own callbacks and handlers run as they always do."""

    @property
    def gone(self) -> bool:
        """Whether it was removed, or its page was left for good; a page that is covered or on another tab is not."""
        if not self.is_attached:
            return True
        page = next((node for node in self.ancestors_with_self if isinstance(node, Screen)), None)
        return not any(page in stack for stack in self.app._screen_stacks.values())

    def while_here(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        """The callback, which does nothing once this is gone."""
        return partial(self._unless_gone, callback)

    def _unless_gone(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return None if self.gone else callback(*args, **kwargs)

    def _guarded(self, callback: Any) -> Any:
        return self.while_here(callback) if callback is not None and _is_ours(callback) else callback

    # What is scheduled

    def set_interval(self, interval: float, callback: Any = None, **options: Any) -> Timer:
        """As always, but it stands still while nothing of the page can be seen."""
        seen = callback if callback is None or not _is_ours(callback) else partial(self._if_seen, callback)
        return super().set_interval(interval, self._guarded(seen), **options)

    def _if_seen(self, callback: Callable[[], Any]) -> Any:
        return callback() if self.screen.is_current else None

    def call_next(self, callback: Any, *args: Any, **kwargs: Any) -> None:
        super().call_next(self._guarded(callback), *args, **kwargs)  # set_timer comes this way too

    def call_later(self, callback: Any, *args: Any, **kwargs: Any) -> bool:
        return super().call_later(self._guarded(callback), *args, **kwargs)

    def call_after_refresh(self, callback: Any, *args: Any, **kwargs: Any) -> bool:
        return super().call_after_refresh(self._guarded(callback), *args, **kwargs)

    def call_from_thread(self, callback: Callable[..., Any], *args: Any) -> None:
        """Calls it on the interface's thread, and waits for that; from a thread only."""
        self.app.call_from_thread(self.while_here(partial(callback, *args)))

    def _on_invoke_later(self, message: InvokeLater) -> None:
        """After its own page was drawn: Textual takes the page on top, which may go and take the callback along."""
        message.prevent_default()
        if not self.gone:
            self.screen._invoke_later(message.callback, message._sender or self)

    def _get_dispatch_methods(self, method_name: str, message: Message) -> Iterable[tuple[type, Any]]:
        for kind, method in super()._get_dispatch_methods(method_name, message):
            if not issubclass(kind, Living) or isinstance(message, Unmount) or not self.gone:
                yield kind, method

    def focus(self, scroll_visible: bool = True) -> Any:
        """Takes the focus at once: the next key is for it."""
        if not self.gone:
            self.screen.set_focus(self, scroll_visible)
        return self


def _is_ours(callback: Callable[..., Any]) -> bool:
    """Whether it is no function of Textual's, however wrapped."""
    while isinstance(callback, partial):
        callback = callback.func
    return str(getattr(callback, "__module__", "")).partition(".")[0] not in THEIRS


class Leaving(Living):
    """First base of every page and dialog. Leaving it twice, or from under another one, leaves nothing else."""

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Answers with the result and goes, if it is on top."""
        page = cast("Screen[Any]", self)
        return Screen.dismiss(page, result) if self.app.screen is page else AwaitComplete()
