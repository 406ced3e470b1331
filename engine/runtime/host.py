"""The host: one per device. It imports, computes nothing, and forks one child per task, several at once.

JSON lines over its pipes. In: a greeting with the setting, then tasks. Out: `{"ready": true}` once warm, then
`{"task", "status"}` as children end. The out pipe is inherited by the children, so that its end means: all dead.
"""

import gc
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.runtime.child import RunTask, Setting, run_child
from engine.runtime.context import Point
from engine.runtime.encoding import dumps, loads
from engine.runtime.files import write_patiently
from engine.runtime.processes import die_with
from engine.runtime.reasons import reason

NICE = 10


def serve(run_task: RunTask, warm: Callable[[], None], assert_cold: Callable[[], None]) -> None:
    """The main loop of a host; returns when the driver closes the pipe.

    `warm` imports what tasks need. `assert_cold` raises if CUDA was initialised: a child forked then cannot use it.
    """
    tasks, answers = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what libraries print goes to the host's log
    hello = _greeting(tasks)
    if hello is None:
        return
    die_with(hello["driver"])
    for descriptor in hello["locks"]:
        os.set_inheritable(descriptor, False)  # children have them; programs that children start do not
    setting = Setting(Path(hello["directory"]), hello["device"], hello["place"], hello["seed"], hello["threads"])
    os.nice(NICE)
    gc.disable()  # nothing that is imported becomes garbage: looking for some takes a tenth of the time
    try:
        warm()
    except BaseException as error:
        traceback.print_exc()
        sys.exit(f"{type(error).__name__}: {reason(error)}")  # the last line of the log is what people are told
    gc.enable()
    gc.collect()
    gc.freeze()  # keeps the collector from touching, and so copying, the pages shared with children
    assert_cold()
    write_patiently(answers, b'{"ready":true}\n')
    children = _Children()
    for task in children.tasks(tasks, answers):
        assert_cold()
        children.fork(setting, task, run_task)


def _greeting(source: int) -> dict[str, Any] | None:
    """The first line; None where there is none. No byte beyond it is read: the first task may follow at once."""
    line = b""
    while not line.endswith(b"\n"):
        if not (byte := os.read(source, 1)):
            return None
        line += byte
    greeting: dict[str, Any] = loads(line)
    return greeting


class _Children:
    """The children that run now, each by its process id with the name of its task."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._woken, wake = os.pipe()
        for descriptor in (self._woken, wake):
            os.set_blocking(descriptor, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def tasks(self, source: int, answers: int) -> Iterator[dict[str, Any]]:
        """Tasks as they come, until `source` is closed; meanwhile each child's end is told to `answers`."""
        buffer = b""
        while True:
            ready, _, _ = select.select([source, self._woken], [], [])
            if self._woken in ready:
                os.read(self._woken, 1 << 12)
                self._reap(answers)
            if source in ready:
                data = os.read(source, 1 << 16)
                if not data:
                    return
                *lines, buffer = (buffer + data).split(b"\n")
                yield from map(loads, lines)

    def _reap(self, answers: int) -> None:
        while self._names:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if (name := self._names.pop(pid, None)) is not None:
                answer = {"task": name, "status": os.waitstatus_to_exitcode(status)}
                write_patiently(answers, (dumps(answer) + "\n").encode())

    def fork(self, setting: Setting, task: Mapping[str, Any], run_task: RunTask) -> None:
        """Starts the child of a task."""
        points = [Point(entry["index"], entry["params"]) for entry in task["points"]]
        host = os.getpid()
        sys.stdout.flush()
        child = os.fork()
        if child:
            self._names[child] = task["task"]
            return
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            run_child(host, setting, task["task"], task["attempt"], points, run_task)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
