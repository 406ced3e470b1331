"""How often work that repeats itself is done: the longer it takes, the more seldom, so that runs have the cores."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

SHARE = 1 / 50  # of a core, for each kind of work
MOST = 3.0  # seconds to wait, whatever it costs


class Pace:
    """`seconds` is how long to wait before the work is done again: at least `least`, and as its cost asks for.

    The cost is the processor time of the thread that does the work, not what others keep it waiting.
    """

    def __init__(self, least: float) -> None:
        self._least = least
        self._cost = 0.0

    @property
    def seconds(self) -> float:
        """From the end of the work to its next beginning."""
        return max(self._least, min(MOST, self._cost / SHARE))

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Round the work. Where a part of it is done elsewhere, `add` counts that in."""
        start = time.thread_time()
        try:
            yield
        finally:
            self._cost = time.thread_time() - start

    def add(self, cost: float) -> None:
        """More seconds of processor time that the same work took."""
        self._cost += cost
