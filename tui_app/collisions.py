"""Which keys cannot be bound: those that terminals keep, and those that would mean two things in one place."""

from collections.abc import Iterator

from tui_app.actions import ACTIONS, EVERYWHERE

# The groups of actions that are live together, besides those that are live everywhere.
TOGETHER = (
    ("home", "run", "table"),
    ("home", "run", "filter"),
    ("home", "run", "curve"),
    ("run", "view", "table", "values", "details"),
    ("run", "view", "curve"),
    ("run", "view", "find"),
    ("launch", "run", "search", "view", "form"),
    ("launch", "run", "search", "view", "edit"),
    ("launch", "run", "search", "view", "table", "values", "details"),
    ("launch", "run", "search", "view", "curve"),
    ("compare", "view", "table"),
    ("compare", "view", "curve"),
    ("formats", "table", "values"),
    ("graph", "tree", "view", "table"),
    ("graph", "view", "table", "values", "details"),
)
# In dialogs nothing else is live.
MODAL = (
    ("dialog", "pick"),
    ("dialog", "export", "drawing"),
    ("dialog", "erase"),
    ("dialog", "remove"),
    ("dialog", "quit"),
    ("dialog", "table"),
)

# Terminals send these as backspace, tab, enter and escape; screen and tmux keep two of the rest, the shell the last.
FORBIDDEN = frozenset(f"ctrl+{key}" for key in ("h", "i", "m", "left_square_bracket", "[", "a", "b", "z"))


def collisions(keys: dict[str, str] | None = None) -> Iterator[tuple[str, str, str]]:
    """Pairs of actions that share a key in one place: (key, id, id). `keys` gives some actions other keys, by id."""
    keys = keys or {}
    found = set()
    for together in (*((*EVERYWHERE, *groups) for groups in TOGETHER), *MODAL):
        taken: dict[str, str] = {}
        for action in ACTIONS:
            if action.group not in together:
                continue
            for key in keys.get(action.id, action.keys).split(","):
                other = taken.setdefault(key.strip(), action.id)
                if other != action.id and (key, other, action.id) not in found:
                    found.add((key, other, action.id))
                    yield key.strip(), other, action.id
