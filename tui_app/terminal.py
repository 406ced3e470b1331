"""The end of a terminal that goes away: a dropped line, a closed window."""

import os
import select
import signal


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


def die_of_hangup() -> None:
    """Ends the process as SIGHUP does: nothing can be written to the terminal any more."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGHUP)
