"""Waiting for pipes, sockets and terminals, however many files are open."""

import select
from collections.abc import Iterable
from typing import Protocol


class HasFileno(Protocol):
    """What has a descriptor, such as a socket."""

    def fileno(self) -> int:
        """Its number."""
        ...


def readable(sources: Iterable[int | HasFileno], seconds: float | None = None) -> set[int]:
    """The descriptors that can be read, or whose other end is closed; empty after so many seconds without any.

    `select(2)` would refuse numbers from 1024 on, which a process with many open files comes to.
    """
    poll = select.poll()
    for source in sources:
        poll.register(source, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll(None if seconds is None else seconds * 1000)}
