"""Libraries compute with the threads of a run, in a process that was started for any number of them."""

import json
import os
import subprocess
import sys

import pytest

from engine.runtime.cores import usable_cores
from engine.runtime.threads import VARIABLES

SCRIPT = """
import json, numpy
from engine.runtime.threads import limit_threads
limit_threads(2)
import torch, threadpoolctl
print(json.dumps([(one["user_api"], one["num_threads"]) for one in threadpoolctl.threadpool_info()]))
"""


@pytest.mark.skipif(usable_cores() < 2, reason="torch takes no more threads than there are cores")
def test_libraries_that_are_loaded_before_or_after_take_as_many_threads_as_are_said() -> None:
    environment = os.environ | dict.fromkeys(VARIABLES, "1")
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, env=environment)
    found = json.loads(done.stdout)
    assert {kind for kind, _ in found} == {"blas", "openmp"}
    assert {count for _, count in found} == {2}
