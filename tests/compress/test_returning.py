"""Memory that rounding leaves free goes back to the system."""

import platform
import subprocess
import sys

import pytest

OWN = """
from pathlib import Path

def own():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) << 10
"""
ROUNDED = """
import torch
from engine.compress.returning import returning_memory

def rounded():  # what is kept, and what is free again, in turn
    with returning_memory():
        return [(torch.ones(1 << 19), torch.ones(1 << 20))[0] for _ in range(40)]

[torch.ones(n << 20) for n in range(1, 8)]  # raises glibc's threshold, as any work does
before = own()
kept = rounded()
print(own() - before - sum(one.nbytes for one in kept))
kept.clear()
print(own() - before)
"""
FREED = """
from engine.compress.returning import return_memory

before = own()
blocks = [bytearray(b"x" * 30_000) for _ in range(4_000)]
behind = bytearray(b"x" * 30_000)  # glibc gives back by itself only what nothing lies behind
blocks.clear()
print(own() - before)
return_memory()
print(own() - before)
"""


def measured(code: str) -> list[int]:
    done = subprocess.run([sys.executable, "-c", OWN + code], capture_output=True, text=True, check=True)
    return [int(line) for line in done.stdout.split()]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_what_is_kept_is_all_that_stays() -> None:
    assert max(measured(ROUNDED)) < 8 << 20  # without it 84 MB beside what is kept, and 168 MB afterwards


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_what_was_freed_goes_back_when_it_is_asked_for() -> None:
    kept, left = measured(FREED)
    assert kept > 100 << 20
    assert left < 8 << 20
