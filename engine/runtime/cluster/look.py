"""What a Ray cluster offers: `python -m engine.runtime.cluster.look ADDRESS` prints it as JSON.

A process of its own asks: joining a cluster leaves threads behind, and may end the process that does it.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from engine.errors import InputError
from engine.own import command
from engine.runtime.cluster.connection import Node, join, nodes, ray
from engine.runtime.encoding import dumps, loads
from engine.runtime.processes import import_environment
from engine.runtime.versions import difference, versions

_SECONDS, _ANSWER_SECONDS = 90.0, 40.0
_FRESH_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A node, and the versions of what it computes with; empty where labtui is not installed or nothing answers."""

    node: Node
    versions: dict[str, str]

    @property
    def problem(self) -> str:
        """What keeps it from computing for this machine; empty where nothing does."""
        if not self.versions:
            return f"{self.node.name} cannot load labtui; install there what is installed here."
        differs = difference(versions(), self.versions)
        return f"{self.node.name} has {differs}; install there what is installed here." if differs else ""


def look(address: str) -> tuple[Seen, ...]:
    """The nodes of the cluster at `address`; an answer of the last half minute is given again.

    Raises:
        InputError: ray is not installed, or there is no cluster that answers.
    """
    ray()
    return _look(address, int(time.monotonic() / _FRESH_SECONDS))


@lru_cache(maxsize=4)
def _look(address: str, _: int) -> tuple[Seen, ...]:
    asked = command("engine.runtime.cluster.look", address)
    silent = InputError(f"The Ray cluster at {address} does not answer; see docs/cluster.md for how one is started.")
    try:
        environment = import_environment() | {"CUDA_VISIBLE_DEVICES": ""}
        done = subprocess.run(asked, env=environment, capture_output=True, timeout=_SECONDS, stdin=subprocess.DEVNULL)
        found = loads(done.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, IndexError, ValueError):
        raise silent from None
    if "error" in found:
        raise InputError(found["error"])
    return tuple(Seen(Node(**one["node"]), one["versions"]) for one in found["nodes"])


def _asked(package: Any) -> list[Seen]:
    """Every node, asked for its versions."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    found = nodes(package)
    remote = package.remote(num_cpus=0, max_retries=0, max_calls=1)(_remote_versions())
    asked = [
        remote.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False)).remote()
        for node in found
    ]
    answered, _ = package.wait(asked, num_returns=len(asked), timeout=_ANSWER_SECONDS)
    return [
        Seen(node, _answer(package, one) if one in answered else {}) for node, one in zip(found, asked, strict=True)
    ]


def _answer(package: Any, reference: Any) -> dict[str, str]:
    try:
        return dict(package.get(reference))
    except package.exceptions.RayError:
        return {}


def _remote_versions() -> Callable[[], dict[str, str]]:
    """Travels as code, so that a node without labtui can run it."""

    def labtui_versions() -> dict[str, str]:
        try:
            from engine.runtime.versions import versions
        except ImportError:
            return {}
        return versions()

    return labtui_versions


def main() -> int:
    """Prints the nodes, or what is wrong."""
    try:
        package = join(sys.argv[1])
        print(dumps({"nodes": [asdict(one) for one in _asked(package)]}), flush=True)
    except InputError as error:
        print(dumps({"error": str(error)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
