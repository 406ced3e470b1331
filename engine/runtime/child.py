"""The child: runs one task, reports to its attempt log, and is gone. Forked from a warm host."""

import contextlib
import faulthandler
import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.own import leave_lost_folder
from engine.runtime.attempts import AttemptFile, AttemptLog
from engine.runtime.context import Context, Point, described
from engine.runtime.devices import CPU, gpus_of
from engine.runtime.files import open_private, patiently, write_patiently
from engine.runtime.processes import call_this_process, die_with
from engine.runtime.reasons import out_of_memory
from engine.runtime.scratch import Scratch

OUT_OF_MEMORY = 75
"""Exit status of a task of several points that did not fit: the driver splits it."""

RunTask = Callable[[Sequence[Point], Context], None]


@dataclass(frozen=True, slots=True)
class Setting:
    """What a host's children have in common. `device` is the device's id, or those of several GPUs with commas.

    `place` is where that is as it is recorded: the device's id, after the node's name on a cluster. `scratch` is what
    they share in memory, if anything.
    """

    directory: Path
    device: str
    place: str
    seed: int
    threads: int
    scratch: Scratch | None = None

    @property
    def torch_device(self) -> str:
        """What torch calls that: the CPU, or the GPUs that are visible here, `cuda:0,cuda:1`."""
        gpus = [f"cuda:{number}" for number in range(len(gpus_of(self.device)))]
        return ",".join(gpus) or CPU


class _Patient(io.RawIOBase):
    """Raw output that waits while the disk is full."""

    def __init__(self, descriptor: int):
        self._descriptor = descriptor

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: Any) -> int:
        write_patiently(self._descriptor, bytes(data))
        return len(data)


def _redirect(path: Path) -> None:
    """Standard input from nowhere, output and errors to the log, also those of libraries in C."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    log = patiently(lambda: open_private(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(log, descriptor)
        stream = io.TextIOWrapper(io.BufferedWriter(_Patient(descriptor)), "utf-8", "backslashreplace")
        stream.reconfigure(line_buffering=True)
        setattr(sys, name, stream)
    faulthandler.enable(file=2)


def run_child(parent: int, setting: Setting, task: str, attempt: int, points: Sequence[Point], run: RunTask) -> None:
    """The whole life of a forked child. Never returns."""
    die_with(parent)
    call_this_process("labtui-task")
    leave_lost_folder()
    file = AttemptFile.of(setting.directory, task, attempt)
    _redirect(file.log)
    before = AttemptFile.of(setting.directory, task, attempt - 1).log
    if before.exists():
        print(f"labtui: attempt {attempt}; what the one before it printed is in logs/{before.name}", flush=True)
    log = AttemptLog.create(file.path)
    started = {"points": [point.index for point in points], "params": [dict(point.params) for point in points]}
    log.emit("start", None, started | {"device": setting.place}, durable=True)
    context = Context(
        log.emit,
        device=setting.torch_device,
        directory=setting.directory,
        seed=setting.seed,
        threads=setting.threads,
        scratch=setting.scratch,
    )
    status = _attempt(points, context, log, run)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(status)


def _attempt(points: Sequence[Point], context: Context, log: AttemptLog, run: RunTask) -> int:
    try:
        run(points, context)
        left = [point.index for point in points if point.index not in context.done]
        if left:
            raise RuntimeError(f"the experiment ended without a result for point {left[0]}")
    except BaseException as error:  # SystemExit too: whatever ends the task is recorded
        if isinstance(error, InputError):
            print(f"labtui: {error}", file=sys.stderr)
        else:
            traceback.print_exc()
        left = [point.index for point in points if point.index not in context.done]
        if len(left) > 1 and out_of_memory(error):
            return OUT_OF_MEMORY
        for index in left:
            log.emit("failed", index, described(error), durable=True)
    return 0
