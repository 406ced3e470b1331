"""Memory that processes of one host share: read by others, given up under a limit, and never by those who use it."""

import os
import signal
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from engine.runtime.scratch import SLOTS, Scratch


def put(scratch: Scratch, key: str, data: bytes, facts: object = "there") -> bool:
    """Whether all of it found room."""
    with scratch.writing(key) as writer:
        if writer is None or writer.write(memoryview(data)) is None:
            return False
        writer.done(facts)
    return True


def got(scratch: Scratch, key: str, size: int) -> bytes | None:
    with scratch.reading(key) as reader:
        if reader is None:
            return None
        into = bytearray(size)
        reader.read(memoryview(into), 0)
        return bytes(into)


def in_child(work: Callable[[], object]) -> int:
    """The process id of a child that does some work and waits to be killed."""
    ready, told = os.pipe()
    child = os.fork()
    if not child:
        try:
            work()
            os.write(told, b"1")
            time.sleep(60)
        finally:
            os._exit(1)
    os.close(told)
    assert os.read(ready, 1) == b"1"
    os.close(ready)
    return child


def kill(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_its_memory_is_given_back_with_it() -> None:
    def descriptors() -> set[str]:
        return {one.name for one in Path("/proc/self/fd").iterdir()}

    before = descriptors()
    scratch = Scratch(1 << 20)
    assert put(scratch, "a", b"hello")
    assert len(descriptors()) > len(before)
    del scratch
    assert descriptors() == before


def test_what_a_child_has_written_others_read_after_its_death() -> None:
    scratch = Scratch(1 << 20)
    kill(in_child(lambda: put(scratch, "a", b"hello", {"shape": [5]})))
    assert scratch.readable() == ["a"]
    assert got(scratch, "a", 5) == b"hello"
    with scratch.reading("a") as reader:
        assert reader is not None
        assert reader.facts == {"shape": [5]}
    assert got(scratch, "b", 5) is None


def test_pieces_lie_one_after_the_other() -> None:
    scratch = Scratch(1 << 20)
    with scratch.writing("a") as writer:
        assert writer is not None
        assert [writer.write(memoryview(piece)) for piece in (b"one", b"", b"three")] == [0, 3, 3]
        assert scratch.readable() == []  # not before it is whole
        writer.done([])
    assert got(scratch, "a", 8) == b"onethree"


def test_one_process_fills_a_key_and_one_that_dies_gives_it_back() -> None:
    scratch, going = Scratch(1 << 20), list[Any]()

    def begin() -> None:
        going.append(scratch.writing("a"))
        assert going[0].__enter__().write(memoryview(b"half")) == 0

    child = in_child(begin)
    with scratch.writing("a") as writer:
        assert writer is None
    kill(child)
    assert put(scratch, "a", b"whole")
    assert got(scratch, "a", 5) == b"whole"
    with scratch.writing("a") as again:
        assert again is None  # it is there


def test_what_failed_half_way_is_not_there() -> None:
    scratch = Scratch(1 << 20)
    try:
        with scratch.writing("a") as writer:
            assert writer is not None
            writer.write(memoryview(b"half"))
            raise KeyError
    except KeyError:
        pass
    assert scratch.readable() == []
    assert put(scratch, "a", b"whole")


def test_the_longest_unused_makes_room_and_what_is_read_stays() -> None:
    scratch = Scratch(100)
    assert put(scratch, "a", bytes(40))
    assert put(scratch, "b", bytes(40))
    got(scratch, "a", 1)
    assert put(scratch, "c", bytes(40))
    assert sorted(scratch.readable()) == ["a", "c"]

    going: list[Any] = []

    def read_all() -> None:
        for key in ("a", "c"):
            going.append(scratch.reading(key))
            assert going[-1].__enter__() is not None

    child = in_child(read_all)
    assert not put(scratch, "d", bytes(40))
    assert sorted(scratch.readable()) == ["a", "c"]
    kill(child)
    with scratch.reading("a"):  # by this process too
        assert put(scratch, "d", bytes(40))
        assert sorted(scratch.readable()) == ["a", "d"]
    assert not put(scratch, "e", bytes(101))


def test_memory_is_given_back() -> None:
    scratch = Scratch(100)
    for key in "abcdefgh":
        put(scratch, key, bytes(60))
    assert sum(os.fstat(slot).st_size for slot in scratch._slots) == 60 + len('"there"')


def test_there_are_more_keys_than_slots() -> None:
    scratch = Scratch(1 << 20)
    for number in range(SLOTS + 3):
        assert put(scratch, str(number), b"x")
    assert sorted(map(int, scratch.readable())) == list(range(3, SLOTS + 3))


def test_many_processes_at_once_leave_whole_contents_only() -> None:
    scratch = Scratch(400)
    keys = "abcdef"

    def work(seed: int) -> None:
        for place in range(60):
            key = keys[(seed + place * 5) % len(keys)]
            with scratch.reading(key) as reader:
                if reader is not None:
                    into = bytearray(90)
                    reader.read(memoryview(into), 0)
                    assert bytes(into) == key.encode() * 90
                    continue
            put(scratch, key, key.encode() * 90)
        os._exit(0)

    children = []
    for seed in range(4):
        if not (child := os.fork()):
            try:
                work(seed)
            finally:
                os._exit(1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    held = [got(scratch, key, 90) for key in scratch.readable()]
    assert held
    assert all(one is not None and one == one[:1] * 90 for one in held)
    assert all(first != second for first, second in pairwise(sorted(scratch.readable())))


def test_an_index_written_in_part_leaves_nothing_and_harms_nobody() -> None:
    scratch = Scratch(1000)
    assert put(scratch, "a", bytes(900))
    with scratch.writing("b") as writer:
        assert writer is not None
        assert writer.write(memoryview(b"half")) == 0
        os.ftruncate(scratch._index, os.fstat(scratch._index).st_size - 1)
        assert scratch.readable() == []
        assert writer.write(memoryview(b"half")) is None
    assert put(scratch, "c", b"whole")
    assert got(scratch, "c", 5) == b"whole"
    assert put(scratch, "a", b"again")
    assert got(scratch, "a", 5) == b"again"
    assert sum(os.fstat(slot).st_size for slot in scratch._slots) == 2 * len('whole"there"')


def test_facts_of_any_length_do_not_slow_down_what_others_write() -> None:
    scratch, facts = Scratch(1 << 20), [[number, [8, 512, 768], "float32"] for number in range(5000)]
    assert put(scratch, "a", b"data", facts)
    with scratch.reading("a") as reader:
        assert reader is not None
        assert reader.facts == facts
    assert os.fstat(scratch._index).st_size < 1000
