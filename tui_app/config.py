"""The user's config.toml: theme, keys, notifications. Whatever is wrong in it becomes a sentence, never a crash."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import hint
from engine.runtime.home import config_path
from tui_app.actions import BY_ID
from tui_app.alerts import KINDS
from tui_app.collisions import FORBIDDEN, collisions

SETTINGS = ("theme", "notify", "alert", "keys")
_KNOWN = f"there are {', '.join(SETTINGS)}."


@dataclass(frozen=True, slots=True)
class Config:
    """What the file says, as far as it makes sense; `problems` says what did not."""

    theme: str | None = None
    notify: str = ""
    alert: tuple[str, ...] = ()
    keys: dict[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def read_config(path: Path | None = None) -> Config:
    """The config in a file, the user's own where none is named; the default one where there is none."""
    try:
        raw = tomllib.loads((path or config_path()).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Config()
    except OSError as error:
        return Config(problems=(f"config.toml cannot be read: {error.strerror}.",))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return Config(problems=(f"config.toml is not TOML: {error}.",))
    problems = [
        f"config.toml: there is no setting {key!r}; {hint(key, SETTINGS, _KNOWN)}" for key in raw.keys() - set(SETTINGS)
    ]
    theme = raw.get("theme")
    if theme is not None and not isinstance(theme, str):
        problems.append("config.toml: theme is a name in quotes.")
        theme = None
    notify = raw.get("notify", "")
    if not isinstance(notify, str):
        problems.append("config.toml: notify is a shell command in quotes.")
        notify = ""
    alert = _alert(raw.get("alert", ()), problems)
    table = raw.get("keys", {})
    keys: dict[str, str] = {}
    if not isinstance(table, dict):
        problems.append("config.toml: [keys] is a table of action = key.")
        table = {}
    for action, key in table.items():
        problem = _key_problem(action, key)
        if problem:
            problems.append(f"config.toml: {problem}")
        else:
            keys[action] = key
    for key, one, other in list(collisions(keys)):
        problems.append(f"config.toml: {key} would mean both {one} and {other}.")
        keys.pop(one, None)
        keys.pop(other, None)
    return Config(theme, notify, alert, keys, tuple(problems))


def _alert(value: object, problems: list[str]) -> tuple[str, ...]:
    kinds = [value] if isinstance(value, str) else value
    if not isinstance(kinds, list | tuple) or any(kind not in KINDS for kind in kinds):
        problems.append(f"config.toml: alert is one or more of {', '.join(KINDS)}.")
        return ()
    return tuple(dict.fromkeys(kinds))


def _key_problem(action: str, key: object) -> str:
    if action not in BY_ID:
        return f"there is no action {action!r}; {hint(action, BY_ID, 'docs/keys.md lists them.')}"
    if not isinstance(key, str) or not key.strip():
        return f'the key of {action} is text, such as "ctrl+k".'
    taken = [part for part in key.split(",") if part.strip() in FORBIDDEN]
    return f"{taken[0]} cannot be bound: terminals use it themselves." if taken else ""
