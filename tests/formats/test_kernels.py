"""The fused kernels as processes meet them: forked children, threads, folders that cannot be written."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import torch

from engine.formats import parse

FORK = """
import os, torch
import engine.formats.registry, engine.formats.kernels.elementwise, engine.formats.kernels.launch as launch
assert launch._pool is None
pid = os.fork()
if pid == 0:
    torch.set_num_threads(2)
    x = torch.randn(600, 1024)
    f = engine.formats.parse("fixed(8,4)")
    os._exit(0 if torch.equal(f.quantize(x), f._composed(x)) else 3)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_a_child_forked_after_the_imports_computes() -> None:
    assert subprocess.run([sys.executable, "-c", FORK], check=False, timeout=120).returncode == 0


def test_a_child_forked_after_use_computes() -> None:
    x = torch.randn(600, 1024)
    f = parse("fixed(8,4)")
    expected = f.quantize(x)
    pid = os.fork()
    if pid == 0:
        torch.set_num_threads(1)
        os._exit(0 if torch.equal(f.quantize(x), expected) else 3)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_several_threads_may_quantise_at_once() -> None:
    f = parse("fixed(8,4)")
    tensors = [torch.randn(600, 1024) for _ in range(8)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(f.quantize, tensors))
    assert all(torch.equal(q, f._composed(x)) for q, x in zip(results, tensors, strict=True))


def test_works_where_nothing_can_be_cached() -> None:
    code = """
import numba.core.caching as caching
caching.FunctionCache._impl_class._locator_classes = []
import torch
from engine.formats import parse
f = parse("fixed(8,4)")
x = torch.randn(10)
assert torch.equal(f.quantize(x), f._composed(x))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0
