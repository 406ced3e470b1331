"""What torch.compile needs on the CPU. No torch."""

import os
import shutil
import sys

from engine.errors import InputError
from engine.runtime import devices


def check_compiler(device: str) -> None:
    """Raises InputError where torch.compile would find no C++ compiler for the CPU."""
    compiler = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    if "cpu" in devices.resolve(device) and shutil.which(compiler) is None:
        raise InputError(f"torch.compile needs a C++ compiler on the CPU: install {compiler}, or set CXX to yours.")
