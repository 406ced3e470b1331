"""Memory that the tasks of a host share: what one of them has computed, others read. It is gone with the host.

A few slots, each the contents of one key: memory without a name (`memfd_create(2)`), which a host makes and its
children inherit, read and written by calls and never mapped, so that nothing faults where it is short or was given up.
Who reads a slot or fills it holds a lock on it, which ends with the process (record locks of `fcntl(2)`): what a killed
task had not filled is free again. When there is no room the slot that was used longest ago is emptied.
"""

import fcntl
import os
import weakref
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from engine.runtime.encoding import dumps, loads

SLOTS = 16
_INDEX = SLOTS
"""Of the index among what is locked: a slot's place is its number."""
Entries = list[dict[str, Any] | None]


class Scratch:
    """At most `limit` bytes in all, for every process that is forked from the one that made it."""

    def __init__(self, limit: int) -> None:
        """Raises OSError where the system has no such memory."""
        self._limit = limit
        self._index = os.memfd_create("labtui-index")
        self._slots = [os.memfd_create(f"labtui-{number}") for number in range(SLOTS)]
        weakref.finalize(self, _close, [self._index, *self._slots])
        self._held: set[int] = set()  # by this process: its own locks are no obstacle to it

    def readable(self) -> list[str]:
        """The keys of what is whole."""
        with self._entries() as entries:
            return [entry["key"] for entry in entries if entry is not None and entry["whole"]]

    @contextmanager
    def reading(self, key: str) -> "Iterator[Reader | None]":
        """What was written under a key, until the block ends; None where there is nothing."""
        reader = None
        with self._entries() as entries:
            for place, entry in enumerate(entries):
                if entry is not None and entry["key"] == key and entry["whole"] and self._lock(place, fcntl.LOCK_SH):
                    entry["used"] = _next(entries)
                    reader = Reader(self._slots[place], entry["facts"])
                    break
        try:
            yield reader
        finally:
            if reader is not None:
                self._unlock(place)

    @contextmanager
    def writing(self, key: str) -> "Iterator[Writer | None]":
        """A slot to be filled; it can be read once `done` was called and the block has ended.

        None where the key is there, or another process is filling it, or all slots are in use.
        """
        with self._entries() as entries:
            if (number := self._free_slot(key, entries)) is not None:
                entries[number] = {"key": key, "whole": False, "used": _next(entries), "bytes": 0, "facts": None}
        if number is None:
            yield None
            return
        writer = Writer(self, number)
        try:
            yield writer
        finally:
            with self._entries() as entries:
                entry = entries[number]
                if entry is not None and writer.facts is not None:
                    entry |= {"facts": writer.facts, "whole": True}
                else:
                    self._empty(entries, number)
            self._unlock(number)

    def put(self, number: int, data: memoryview, offset: int) -> bool:
        """Whether bytes could be put into a slot that this process fills; others are emptied for them."""
        with self._entries() as entries:
            if (own := entries[number]) is None:  # the index was damaged
                return False
            own["bytes"] = offset + data.nbytes
            while sum(one["bytes"] for one in entries if one is not None) > self._limit:
                if self._emptied(entries) is None:
                    return False
        with suppress(OSError):  # memory is short
            while data:
                count = os.pwrite(self._slots[number], data, offset)
                data, offset = data[count:], offset + count
        return not data

    def _free_slot(self, key: str, entries: Entries) -> int | None:
        """A slot without contents, locked."""
        for number, entry in enumerate(entries):
            if entry is not None and entry["key"] == key:
                if entry["whole"] or number in self._held or not self._lock(number, fcntl.LOCK_EX):
                    return None
                self._empty(entries, number)  # who was filling it is dead
                return number
        free = entries.index(None) if None in entries else self._emptied(entries)
        if free is None or not self._lock(free, fcntl.LOCK_EX):
            return None
        self._empty(entries, free)
        return free

    def _emptied(self, entries: Entries) -> int | None:
        """The slot used longest ago of those that nobody uses now, emptied."""
        others = [(entry["used"], number) for number, entry in enumerate(entries) if entry is not None]
        for _, number in sorted(others):
            if number not in self._held and self._lock(number, fcntl.LOCK_EX):
                self._empty(entries, number)
                self._unlock(number)
                return number
        return None

    def _empty(self, entries: Entries, number: int) -> None:
        entries[number] = None
        os.ftruncate(self._slots[number], 0)

    @contextmanager
    def _entries(self) -> Iterator[Entries]:
        """What each slot holds, to be looked at and changed while no other process does."""
        fcntl.lockf(self._index, fcntl.LOCK_EX, 1, _INDEX)
        try:
            before = os.pread(self._index, os.fstat(self._index).st_size, 0)
            checksum, _, text = before.partition(b" ")
            # A process that is killed, or finds no memory, may have written a part: then all slots are empty.
            entries: Entries = loads(text) if checksum == _checksum(text) else [None] * SLOTS
            yield entries
            text = dumps(entries).encode()
            if (after := _checksum(text) + b" " + text) != before:
                with suppress(OSError):
                    os.pwrite(self._index, after, 0)
                os.ftruncate(self._index, len(after))
        finally:
            fcntl.lockf(self._index, fcntl.LOCK_UN, 1, _INDEX)

    def _lock(self, number: int, how: int) -> bool:
        with suppress(BlockingIOError, PermissionError):
            fcntl.lockf(self._index, how | fcntl.LOCK_NB, 1, number)
            self._held.add(number)
            return True
        return False

    def _unlock(self, number: int) -> None:
        fcntl.lockf(self._index, fcntl.LOCK_UN, 1, number)
        self._held.discard(number)


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _checksum(text: bytes) -> bytes:
    return b"%08x" % zlib.crc32(text)


def _next(entries: Entries) -> int:
    """Later than any use so far."""
    return 1 + max((entry["used"] for entry in entries if entry is not None), default=0)


class Reader:
    """A slot's contents; `facts`, which lie from `place` on, are what its writer said of them."""

    def __init__(self, descriptor: int, place: int) -> None:
        self._descriptor = descriptor
        self.facts = loads(os.pread(descriptor, os.fstat(descriptor).st_size - place, place))

    def read(self, into: memoryview, offset: int) -> None:
        """Fills a buffer of bytes. Raises OSError where fewer were written."""
        while into:
            count = os.preadv(self._descriptor, [into], offset)
            if count == 0:
                raise OSError("this is beyond the end of what was written")
            into, offset = into[count:], offset + count


class Writer:
    """A slot that is being filled, from its beginning on."""

    def __init__(self, scratch: Scratch, number: int) -> None:
        self._scratch, self._number, self._end = scratch, number, 0
        self.facts: int | None = None
        """Where they lie: behind what they tell of, as the index is read and written at each piece."""

    def write(self, data: memoryview) -> int | None:
        """Where the bytes lie; None where there is no room for them."""
        place, self._end = self._end, self._end + data.nbytes
        return place if self._scratch.put(self._number, data, place) else None

    def done(self, facts: Any) -> None:
        """All is there; `facts`, as JSON can hold them, are given to whoever reads it."""
        self.facts = self.write(memoryview(dumps(facts).encode()))
