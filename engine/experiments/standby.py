"""A driver that stands by: `python -m engine.experiments.standby EXPERIMENT DEVICE THREADS` (engine.runtime.standby).

Its host imports first, the driver's own modules beside it.
"""

import os
import socket
import sys

from engine.own import command
from engine.runtime.hosts import Host
from engine.runtime.standby import await_order


def main() -> int:
    """Waits for a run and drives it."""
    experiment, device, threads = sys.argv[1:]
    host = Host(command("engine.experiments.worker", experiment), device, int(threads))
    try:
        from engine.experiments import driver, registry
        from engine.runtime.lock import LOCK_VARIABLE

        registry.get(experiment)
        with socket.socket(fileno=os.dup(0)) as owner:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            order = await_order(owner)
        if order is None:
            return 0
        for stream in (1, 2):
            os.dup2(order.log, stream)
        os.close(order.log)
        os.environ[LOCK_VARIABLE] = str(order.lock)
        return driver.work_on(order.directory, host)
    finally:
        host.close()


if __name__ == "__main__":
    sys.exit(main())
