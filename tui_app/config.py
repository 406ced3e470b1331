"""The user's config.toml: theme and keys. Whatever is wrong in it becomes a sentence, never a crash."""

import os
import tomllib
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import platformdirs

from tui_app.actions import BY_ID, FORBIDDEN, collisions


@dataclass(frozen=True, slots=True)
class Config:
    """What the file says, as far as it makes sense; `problems` says what did not."""

    theme: str | None = None
    keys: dict[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def config_path() -> Path:
    """`$LABTUI_HOME/config.toml`, or the platform's config folder."""
    home = os.environ.get("LABTUI_HOME")
    folder = Path(home).expanduser() if home else platformdirs.user_config_path("labtui")
    return folder / "config.toml"


def read_config(path: Path) -> Config:
    """The config in a file; the default one where there is none."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Config()
    except OSError as error:
        return Config(problems=(f"config.toml cannot be read: {error.strerror}.",))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return Config(problems=(f"config.toml is not TOML: {error}.",))
    problems = [
        f"config.toml: there is no setting {key!r}; there are theme and [keys]."
        for key in raw.keys() - {"theme", "keys"}
    ]
    theme = raw.get("theme")
    if theme is not None and not isinstance(theme, str):
        problems.append("config.toml: theme is a name in quotes.")
        theme = None
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
    return Config(theme, keys, tuple(problems))


def _key_problem(action: str, key: object) -> str:
    if action not in BY_ID:
        near = get_close_matches(action, BY_ID, n=1)
        return f"there is no action {action!r}" + (f"; did you mean {near[0]}?" if near else ".")
    if not isinstance(key, str) or not key.strip():
        return f'the key of {action} is text, such as "ctrl+k".'
    taken = [part for part in key.split(",") if part.strip() in FORBIDDEN]
    return f"{taken[0]} cannot be bound: terminals use it themselves." if taken else ""
