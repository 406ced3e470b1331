"""The driver's connection to a Ray cluster, kept by a thread: joining and asking take as long as the network likes."""

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.runtime.cluster.plan import ClusterPlan
from engine.runtime.cluster.sources import Source, hold
from engine.runtime.executor import WorkerError
from engine.text import clean_line

CONNECT_SECONDS, SILENT_SECONDS = 60.0, 30.0
"""How long joining may take, and how long a cluster may say nothing: after a minute Ray ends the driver's process."""
_LOOK_SECONDS = 2.0
_LEAVE_SECONDS = 10.0
_REACH_SECONDS = 5.0
_TOKEN = "Where it asks for a token, RAY_AUTH_MODE=token and the same token belong here too (docs/cluster.md)."
PIP_LINE = "pip install 'labtui[ray]'"


def ray() -> Any:
    """The package. Raises InputError where it is not installed."""
    try:
        import ray as package
    except ImportError:
        raise InputError(f"executor=ray needs the package ray; run: {PIP_LINE}") from None
    return package


@dataclass(frozen=True, slots=True)
class Node:
    """A living node: its host's name, cores and GPUs."""

    id: str
    name: str
    cpus: float
    gpus: float

    def room(self, cpus: int, gpus: float) -> int:
        """How many tasks of that size it holds."""
        by_cores = int(self.cpus // cpus)
        if not gpus:
            return by_cores
        by_gpus = int(self.gpus // gpus) if gpus >= 1 else int(self.gpus) * int(1 / gpus + 1e-9)  # 0.1 is no tenth
        return min(by_cores, by_gpus)


def join(address: str) -> Any:
    """Joins the cluster at `address`; returns the package. InputError where there is none, or it refuses."""
    package = ray()
    _reach(os.environ.get("RAY_ADDRESS", address) if address == "auto" else address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        package.init(address=address, log_to_driver=False, logging_level="ERROR", include_dashboard=False)
    except Exception as error:  # of many types, by what is wrong
        reason = clean_line(str(error))[:300].rstrip(".")
        raise InputError(f"the Ray cluster at {address} cannot be joined: {reason}. {_TOKEN}") from None
    return package


def _reach(address: str) -> None:
    """InputError where nobody listens at HOST:PORT, which Ray takes a minute to find out."""
    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _REACH_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise InputError(
            f"the Ray cluster at {address} does not answer ({error}); see docs/cluster.md for how one is started."
        ) from None


def nodes(package: Any) -> list[Node]:
    """The nodes that are alive."""
    found = []
    for node in package.nodes():
        if node["Alive"]:
            has = node["Resources"]
            found.append(Node(node["NodeID"], node["NodeManagerHostname"], has.get("CPU", 0.0), has.get("GPU", 0.0)))
    return found


class Connection:
    """Joins in the background. `ray` is the package once the cluster can be used, `sources` what has been stored there.

    Raises WorkerError from `check` where it cannot be joined, or has gone.
    """

    def __init__(self, plan: ClusterPlan, directory: Path):
        self._plan = plan
        self._directory = directory
        self._asked = time.monotonic()
        self._problem = ""
        self._over = threading.Event()
        self.ray: Any = None
        self.nodes: list[Node] = []
        self.sources: Mapping[str, Source] = {}
        os.chdir("/")  # the workers of a job look for modules where its driver stands
        threading.Thread(target=self._keep, name="ray", daemon=True).start()

    def room(self, cpus: int) -> int:
        """How many tasks the cluster holds at once as it is now."""
        return sum(node.room(cpus, self._plan.gpus) for node in self.nodes)

    def check(self) -> None:
        """WorkerError where tasks will not run."""
        silent = time.monotonic() - self._asked
        if self._problem:
            raise WorkerError(self._problem)
        if silent > (CONNECT_SECONDS if self.ray is None else SILENT_SECONDS):
            what = "has not answered" if self.ray is not None else "could not be joined"
            raise WorkerError(f"the Ray cluster at {self._plan.address} {what} for {silent:.0f} s")

    def leave(self) -> None:
        """Leaves the cluster, which ends what still runs for this driver; gives up where it does not answer."""
        self._over.set()
        if self.ray is not None:
            _within(_LEAVE_SECONDS, self.ray.shutdown)

    def _keep(self) -> None:
        try:
            package = join(self._plan.address)

            def put(piece: bytes) -> Any:
                self._asked = time.monotonic()  # a large source takes its time
                return package.put(piece)

            self.sources = {text: Source.of(Path(path), put) for text, path in self._plan.sources.items()}
            if self.sources:
                hold(self._directory / "sources.json", self.sources)
            self.nodes = nodes(package)
            self._asked = time.monotonic()
            self.ray = package
            while not self._over.wait(_LOOK_SECONDS):
                self.nodes = nodes(package)
                self._asked = time.monotonic()
        except Exception as error:  # whatever it is: this thread is the only one to know
            if not self._over.is_set():
                self._problem = clean_line(str(error))


def _within(seconds: float, action: Callable[[], object]) -> None:
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    thread.join(seconds)
