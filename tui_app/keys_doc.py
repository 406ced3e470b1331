"""Writes docs/keys.md from the registry of actions: `python -m tui_app.keys_doc docs/keys.md`."""

import sys
from pathlib import Path

from tui_app.actions import ACTIONS, GROUPS, show_key
from tui_app.collisions import FORBIDDEN

INTRO = """# Keys

Made from `tui_app/actions.py` by `python -m tui_app.keys_doc`. In the app, `?` shows the keys that do something where
you are, `F1` explains the focused widget, and `:` finds an action by name.

Every action can have other keys: in `config.toml` (in `$LABTUI_HOME`, or in the platform's config folder for `labtui`),

```toml
theme = "labtui"            # or labtui-light, or any theme of the palette

[keys]
"run.pause" = "P"
"home.filter" = "slash,f"   # several keys, by their names
```
"""


def keys_markdown() -> str:
    """The page: a table for each group of actions."""
    parts = [INTRO]
    for group, title in GROUPS.items():
        actions = [action for action in ACTIONS if action.group == group]
        parts.append(f"\n## {title}\n\n| key | action | what it does |\n|---|---|---|\n")
        for action in actions:
            keys = " ".join(f"`{show_key(key, words=True)}`" for key in action.keys.split(","))
            parts.append(f"| {keys} | `{action.id}` | {action.description} |\n")
    never = ", ".join(sorted(show_key(key) for key in FORBIDDEN if "square" not in key))
    parts.append(f"\nNever bound: {never}: terminals, screen, tmux and the shell use them.\n")
    return "".join(parts)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(keys_markdown(), encoding="utf-8")
