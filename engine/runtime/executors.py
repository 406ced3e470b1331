"""Which executor a run has."""

from pathlib import Path

from engine.runtime.executor import Executor
from engine.runtime.hosts import Host
from engine.runtime.local import LocalExecutor
from engine.runtime.lock import RunLock
from engine.runtime.spec import RunSpec


def executor_for(directory: Path, spec: RunSpec, worker: str, lock: RunLock, host: Host | None = None) -> Executor:
    """The one that the spec asks for. `worker` is the module of the process that computes tasks, `lock` the run's.

    `host` is such a process of this machine that has been started ahead.
    """
    if spec.cluster:
        from engine.runtime.cluster.executor import RayExecutor

        return RayExecutor(directory, spec, worker)
    return LocalExecutor(directory, spec, worker, lock, host)
