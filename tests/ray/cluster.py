"""A cluster of two nodes on this machine, and its processes."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@contextmanager
def two_nodes() -> Iterator[Any]:
    """The cluster, a core for each node; nothing of it is left afterwards."""
    from ray.cluster_utils import Cluster

    before = set(ray_processes())
    saved = dict(os.environ)
    os.environ |= {"PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"}
    node: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    try:
        cluster.second = cluster.add_node(num_cpus=1, object_store_memory=100 << 20)
        yield cluster
    finally:
        os.environ.clear()
        os.environ.update(saved)
        cluster.shutdown()
        for pid in set(ray_processes()) - before:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def ray_processes(name: str = "") -> list[int]:
    """Pids of what Ray has started: its servers, and workers, whose titles say what they do (`ray::labtui_task`)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            title = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if (title.startswith("ray::") or "/ray/" in title) and name in title:
            found.append(int(folder.name))
    return found
