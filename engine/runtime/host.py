"""The host: one per device. It imports, computes nothing, and forks one child per task, several at once.

JSON lines. In, over a socket: a greeting, the setting of the run with descriptors of its log and its locks, then tasks.
Out, over a pipe: `{"ready": true}` once warm and assigned to a run, then `{"task", "status"}` as children end. The pipe
is inherited by the children, so that its end means: all dead.
"""

import gc
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.runtime.child import RunTask, Setting, run_child
from engine.runtime.context import Point
from engine.runtime.descriptors import readable
from engine.runtime.devices import CPU
from engine.runtime.encoding import dumps, loads
from engine.runtime.files import write_patiently
from engine.runtime.free_memory import available_memory
from engine.runtime.processes import call_this_process, die_with
from engine.runtime.reasons import reason
from engine.runtime.scratch import Scratch

NICE = 10
_DESCRIPTORS = 128
"""More than a setting comes with: the log, the run's lock, one for each device."""


def serve(run_task: RunTask, warm: Callable[[], None], assert_cold: Callable[[], None]) -> None:
    """The main loop of a host; returns when the driver closes the pipe.

    `warm` imports what tasks need. `assert_cold` raises if CUDA was initialised: a child forked then cannot use it.
    """
    tasks, answers = socket.socket(fileno=os.dup(0)), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what libraries print goes to the host's log
    call_this_process("labtui-host")
    hello = _line(tasks)
    if hello is None:
        return
    die_with(hello["driver"])
    os.nice(NICE)
    gc.disable()  # hardly anything that is imported becomes garbage: looking for some takes a tenth of the time
    try:
        warm()
    except BaseException as error:
        traceback.print_exc()
        sys.exit(f"{type(error).__name__}: {reason(error)}")  # the last line of the log is what people are told
    gc.freeze()  # keeps the collector from touching, and so copying, the pages shared with children
    gc.enable()
    assert_cold()
    setting = _assigned(tasks)
    if setting is None:
        return
    write_patiently(answers, b'{"ready":true}\n')
    children = _Children()
    for task in children.tasks(tasks.fileno(), answers):
        assert_cold()
        children.fork(setting, task, run_task)


def _line(source: socket.socket, start: bytes = b"") -> dict[str, Any] | None:
    """A line that begins with `start`; None at the end. No byte beyond it is read: descriptors or a task may follow."""
    line = start
    while not line.endswith(b"\n"):
        if not (byte := source.recv(1)):
            return None
        line += byte
    message: dict[str, Any] = loads(line)
    return message


def _assigned(source: socket.socket) -> Setting | None:
    """Waits for the run. Its locks are held from here on, by children too, and what is printed goes to its log."""
    start, descriptors, *_ = socket.recv_fds(source, 1, _DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
    if not start or (told := _line(source, start)) is None:
        return None
    log = descriptors[0]
    write_patiently(log, os.pread(2, os.fstat(2).st_size, 0))
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    scratch = _scratch() if told["shares"] and told["device"] == CPU else None  # a GPU computes as fast as it reads
    return Setting(Path(told["directory"]), told["device"], told["place"], told["seed"], told["threads"], scratch)


def _scratch() -> Scratch | None:
    """What children share in memory: an eighth of what is free at most."""
    try:
        return Scratch(available_memory() // 8)
    except OSError:
        return None


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
            ready = readable([source, self._woken])
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
