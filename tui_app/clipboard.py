"""Copying through the terminal (OSC 52), so that it works over ssh."""

import base64
import os
from collections.abc import Mapping

LIMIT = 74_994  # bytes of text; longer sequences are dropped by some terminals


def sequence(text: str, environ: Mapping[str, str] | None = None) -> str | None:
    """What to write to the terminal to copy `text`; None where the terminal is known not to take it.

    Inside tmux it is sent twice: for tmux itself, and wrapped so that it reaches the terminal outside.
    """
    environ = os.environ if environ is None else environ
    data = text.encode("utf-8", errors="replace")
    if len(data) > LIMIT or environ.get("TERM", "") in ("", "linux", "dumb"):
        return None
    copy = f"\x1b]52;c;{base64.b64encode(data).decode('ascii')}\a"
    if environ.get("TMUX"):
        return copy + "\x1bPtmux;" + copy.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return copy
