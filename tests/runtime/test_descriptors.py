"""Waiting for descriptors, of high numbers too."""

import fcntl
import os
import resource
import socket
from collections.abc import Iterator

import pytest

from engine.runtime.descriptors import readable

HIGH = 2000
"""Beyond what `select(2)` takes."""


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard <= HIGH + 10:
        pytest.skip("no process may have so many files open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, HIGH + 10), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_what_can_be_read_is_told_of_high_numbers_too() -> None:
    low, told = os.pipe()
    high = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, HIGH)
    try:
        assert readable([high], 0.01) == set()
        os.write(told, b"1")
        assert readable([high]) == {high}
        os.read(high, 1)
        os.close(told)
        assert readable([high], 5) == {high}, "the end can be read"
    finally:
        os.close(low)
        os.close(high)


def test_sockets_are_told_by_their_descriptors() -> None:
    one, other = socket.socketpair()
    with one, other:
        other.sendall(b"1")
        assert readable([one, other.fileno()], 5) == {one.fileno()}
