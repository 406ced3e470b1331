"""The host: one per device. It imports, computes nothing, and forks one child per task.

JSON lines over its pipes. In: a greeting with the setting, then tasks. Out: `{"ready": true}` once warm, then
`{"task", "status"}` as children end. The out pipe is inherited by the children, so that its end means: all dead.
"""

import gc
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from engine.runtime.child import RunTask, Setting, run_child
from engine.runtime.context import Point
from engine.runtime.encoding import dumps, loads
from engine.runtime.files import write_patiently
from engine.runtime.processes import die_with

NICE = 10


def serve(run_task: RunTask, warm: Callable[[], None], assert_cold: Callable[[], None]) -> None:
    """The main loop of a host; returns when the driver closes the pipe.

    `warm` imports what tasks need. `assert_cold` raises if CUDA was initialised: a child forked then cannot use it.
    """
    tasks = os.fdopen(os.dup(0), "rb")
    answers = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what libraries print goes to the host's log
    greeting = tasks.readline()
    if not greeting:
        return
    hello = loads(greeting)
    die_with(hello["driver"])
    for descriptor in hello["locks"]:
        os.set_inheritable(descriptor, False)  # children have them; programs that children start do not
    setting = Setting(Path(hello["directory"]), hello["device"], hello["seed"], hello["threads"])
    os.nice(NICE)
    warm()
    gc.collect()
    gc.freeze()  # keeps the collector from touching, and so copying, the pages shared with children
    assert_cold()
    write_patiently(answers, b'{"ready":true}\n')
    for line in tasks:
        assert_cold()
        task = loads(line)
        status = _fork(setting, task, run_task)
        write_patiently(answers, (dumps({"task": task["task"], "status": status}) + "\n").encode())


def _fork(setting: Setting, task: dict[str, object], run_task: RunTask) -> int:
    """Exit status of the child, negative for a signal."""
    points = [Point(entry["index"], entry["params"]) for entry in task["points"]]  # type: ignore[attr-defined]
    host = os.getpid()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            run_child(host, setting, str(task["task"]), int(str(task["attempt"])), points, run_task)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
