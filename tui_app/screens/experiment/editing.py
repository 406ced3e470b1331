"""Settings in the user's own editor."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported

from engine.errors import InputError


def edited(app: App[Any], toml: str) -> dict[str, Any]:
    """Gives the terminal to $VISUAL or $EDITOR and reads what it left. Raises InputError where that cannot be."""
    from engine.experiments.launch import read_config

    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="labtui-") as folder:
        path = Path(folder) / "settings.toml"
        path.write_text(toml, encoding="utf-8")
        try:
            with app.suspend():
                subprocess.run([*shlex.split(editor), str(path)], check=True)
        except SuspendNotSupported as error:
            raise InputError("This terminal cannot be handed to an editor; use --config with the command.") from error
        except (OSError, subprocess.CalledProcessError) as error:
            raise InputError(f"The editor {editor!r} failed; set EDITOR to one that is installed.") from error
        return read_config(path)
