"""A text field of one line: never asks for a new layout, and takes keys in the order in which they come."""

from textual.events import Key
from textual.geometry import Size
from textual.reactive import Reactive
from textual.widgets import Input


class LineInput(Input):
    """Textual lays the whole screen out again at each letter, as a longer text may scroll; a line of fixed size needs
    no more than to be painted.

    Textual also takes letters at once but sends other keys up to the app first, so that in a burst, as a slow
    connection delivers them, letters overtake a backspace or a tab typed before them. Here all keys act in order.
    """

    virtual_size = Reactive(Size(0, 0), layout=False)

    async def on_key(self, event: Key) -> None:
        if self.app.focused is not self:  # a key before this one left the field
            event.stop()
            event.prevent_default()
            self.app.post_message(Key(event.key, event.character))
        elif not event.is_printable:
            event.stop()
            event.prevent_default()
            await self.app._check_bindings(event.key)
