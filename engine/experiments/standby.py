"""A driver that stands by: `python -m engine.experiments.standby EXPERIMENT DEVICE ROOM [RUN]`.

Once there is room its host imports, and the driver's own modules are imported beside it (engine.runtime.standby).
"""

import importlib
import os
import socket
import sys
from pathlib import Path

from engine.experiments.standing import NAME
from engine.own import command
from engine.runtime.hosts import Host
from engine.runtime.processes import call_this_process
from engine.runtime.standby import await_order, await_room


def main() -> int:
    """Waits for a run and drives it."""
    call_this_process(NAME)
    experiment, device, room, *after = sys.argv[1:]
    host = None
    try:
        with socket.socket(fileno=os.dup(0)) as owner:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            if await_room(owner, device, int(room), *map(Path, after)):
                host = _host(experiment, device)
            order = await_order(owner)
        if order is None:
            return 0
        from engine.experiments.driver import work_on
        from engine.runtime.lock import LOCK_VARIABLE

        for stream in (1, 2):
            os.dup2(order.log, stream)
        os.close(order.log)
        os.environ[LOCK_VARIABLE] = str(order.lock)
        return work_on(order.directory, host)
    finally:
        if host is not None:
            host.close()


def _host(experiment: str, device: str) -> Host:
    """A host that imports what tasks need, while this process imports what their driver does."""
    host = Host(command("engine.experiments.worker", experiment), device)
    from engine.experiments import registry

    importlib.import_module("engine.experiments.driver")
    registry.get(experiment)
    return host


if __name__ == "__main__":
    sys.exit(main())
