"""Processes of this program: where they are started."""

import os
import subprocess
from pathlib import Path

from engine.own import command

LOST = 'cd "$0" && rmdir "$0" && exec "$@"'
"""A shell's command: its arguments are run in a folder that does not exist any more."""


def started_in(folder: Path, path: Path) -> str:
    """Where a process finds itself that is started in a folder which is removed before."""
    (path / "where_am_i.py").write_text("import os\nprint(os.getcwd())\n")
    folder.mkdir()
    words = ["sh", "-c", LOST, str(folder), *command("where_am_i")]
    environment = os.environ | {"PYTHONPATH": str(path)}
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_a_folder_that_is_gone_is_left(tmp_path: Path) -> None:
    """MKL ends a process that computes in one."""
    assert started_in(tmp_path / "gone", tmp_path) == "/"
