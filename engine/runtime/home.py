"""Where everything that lasts is kept: `$LABTUI_HOME`, or the platform's state folder."""

import os
from pathlib import Path

import platformdirs

from engine.errors import InputError
from engine.runtime.files import private_folder


def home() -> Path:
    """The state folder, mode 0700.

    Raises InputError if it is a link, another user's, or writable by others, or if its name is no UTF-8, which not
    every library that writes there takes.
    """
    chosen = os.environ.get("LABTUI_HOME")
    folder = Path(chosen).expanduser().absolute() if chosen else platformdirs.user_state_path("labtui")
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise InputError(f"the name of {folder} is not UTF-8; set LABTUI_HOME elsewhere.") from None
    return private_folder(folder)


def config_path() -> Path:
    """The user's settings: `$LABTUI_HOME/config.toml`, or in the platform's config folder."""
    chosen = os.environ.get("LABTUI_HOME")
    folder = Path(chosen).expanduser() if chosen else platformdirs.user_config_path("labtui")
    return folder / "config.toml"


def runs_dir() -> Path:
    """One folder per run."""
    return private_folder(home() / "runs")


def devices_dir() -> Path:
    """One lock file per device."""
    return private_folder(home() / "devices")


def cache_dir() -> Path:
    """What can be made again: tokenised data, the built-in model."""
    return private_folder(home() / "cache")
