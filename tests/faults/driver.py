"""A driver that is content with a very small disk: `python -m tests.faults.driver RUN_DIRECTORY`."""

import sys
from pathlib import Path

from engine.runtime.driver import drive

RESERVE = 512 << 10

if __name__ == "__main__":
    sys.exit(drive(Path(sys.argv[1]), [sys.executable, "-m", "engine.experiments.worker"], reserve=RESERVE))
