"""The terminal: whether there is one, and the end of one that goes away (a dropped line, a closed window)."""

import os
import select
import sys


def is_there(descriptor: int = 0) -> bool:
    """Whether standard input is a terminal."""
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def is_gone(descriptor: int = 0) -> bool:
    """Whether what was a terminal has hung up."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(state & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, state in poll.poll(0))


def open_app(*, ascii_only: bool = False) -> int:
    """Opens the app until the user leaves and returns its exit code; without a terminal says so and returns 2."""
    if not all(is_there(descriptor) for descriptor in (0, 1, 2)):
        print("labtui: the app needs a terminal; labtui --help lists what works without one.", file=sys.stderr)
        return 2
    from tui_app.app import run

    return run(ascii_only=ascii_only)
