"""A cluster of two nodes on this machine that asks for a token, and its processes."""

import os
import secrets
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 100 << 20}


@contextmanager
def two_nodes() -> Iterator[Any]:
    """The cluster, a core for each node; what joins it meanwhile has its token. Nothing of it is left afterwards."""
    from ray._private.authentication_test_utils import reset_auth_token_state
    from ray.cluster_utils import Cluster

    before = set(ray_processes())
    saved = dict(os.environ)
    with tempfile.NamedTemporaryFile("w", prefix="labtui-token-") as token:
        token.write(secrets.token_hex(32))
        token.flush()
        os.environ |= {"PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"}
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": token.name}
        reset_auth_token_state()  # ray looks once, when it is imported
        cluster = Cluster(initialize_head=True, head_node_args=NODE | {"include_dashboard": False})
        try:
            cluster.second = cluster.add_node(**NODE)
            yield cluster
        finally:
            cluster.shutdown()
            os.environ.clear()
            os.environ.update(saved)
            reset_auth_token_state()
            for pid in set(ray_processes()) - before:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue


def lose_node(cluster: Any) -> None:
    """Kills all of the second node."""
    cluster.remove_node(cluster.second, allow_graceful=False)


def replace_node(cluster: Any) -> None:
    """The same, and another takes its place."""
    lose_node(cluster)
    cluster.second = cluster.add_node(**NODE)


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
