"""Every CUDA kernel in Numba's simulator, which has to be chosen before Numba is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_kernels_in_the_simulator(vectors: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.kernels.simulated", str(vectors)],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == "every kernel agrees\n"
