"""Which actions would answer a key right now: what footer, help and palette show."""

from typing import Any

from textual.screen import Screen

from tui_app.actions import BY_ID, Action, character


def live_actions(screen: Screen[Any]) -> list[tuple[Action, list[str]]]:
    """The actions that are live on the screen, in the registry's order, each with its keys.

    While a text field has the focus, what it takes as text is no key.
    """
    focused = screen.focused
    keys: dict[str, list[str]] = {}
    for key, active in screen.active_bindings.items():
        typed = not active.binding.priority and focused is not None and focused.check_consume_key(key, character(key))
        if active.enabled and not typed and active.binding.id in BY_ID:
            keys.setdefault(active.binding.id, []).append(key)
    return [(action, keys[name]) for name, action in BY_ID.items() if name in keys]
