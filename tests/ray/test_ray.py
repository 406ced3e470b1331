"""Runs on a Ray cluster of two nodes: every point once, with the numbers of an undisturbed run, whatever dies.

The cluster is one for all, and the last test takes a node from it.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from engine.runtime import control
from engine.runtime.cluster.look import _look, look
from engine.runtime.lock import lock_held
from engine.runtime.runs import create_run, read_run
from engine.runtime.versions import versions
from tests.faults.helpers import assert_sound, kill, processes, toy_run, wait_for, wait_until_idle
from tests.faults.toy_search import SearchConfig
from tests.ray.cluster import lose_node, ray_processes, replace_node, two_nodes

pytest.importorskip("ray", reason="needs the extra ray")
pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("LABTUI_KILLS", "2"))
VICTIMS = ("worker", "driver", "child", "worker", "node", "child", "worker")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with two_nodes() as found:
        yield found


def on(cluster: Any) -> dict[str, Any]:
    return {"devices": ("ray",), "seats": 2, "threads": 1, "cluster": {"address": cluster.address}}


def workers() -> list[int]:
    return ray_processes("labtui ")


@pytest.mark.timeout(300 + 20 * KILLS)
def test_random_kills_of_workers_children_drivers_and_nodes(cluster: Any) -> None:
    dice, hits = random.Random(1), Counter[str]()
    while hits.total() < KILLS:
        disturb(cluster, dice, hits)
        print(f"kills: {dict(hits)}", flush=True)


def disturb(cluster: Any, dice: random.Random, hits: Counter[str]) -> None:
    """A run under kills until it has ended or there were enough."""
    path, children = toy_run(["work"] * 3 + ["killed_once", "fail"], steps=20, pause=0.02, **on(cluster)), 0
    control.start(path)
    while hits.total() < KILLS:
        wait_for(lambda: workers() or not lock_held(path), "a worker")
        time.sleep(dice.uniform(0.0, 1.2))
        victim = VICTIMS[hits.total() % len(VICTIMS)]
        if victim == "child" and children == 2:  # a point whose process dies for the fourth time fails, rightly
            victim = "worker"
        hit = strike(cluster, path, victim)
        hits[victim] += hit
        children += hit * (victim == "child")
        if not lock_held(path):
            if read_run(path).state == "finished":
                break
            control.start(path)
    while (run := wait_until_idle(path)).state != "finished":
        control.start(path)
    run = assert_sound(path)
    assert [point.state for point in run.points].count("failed") == 1
    assert all((point.device or "").endswith(" cpu") for point in run.points)
    assert not list((path / "incoming").glob("*"))  # a driver that dies as the last point ends leaves it empty


def strike(cluster: Any, path: Path, victim: str) -> int:
    """Kills one of them; returns how many there were."""
    if victim == "node":
        replace_node(cluster)
        return 1
    found = {"driver": processes(path)["driver"], "worker": workers(), "child": left_behind(path)}
    return kill(found[victim][-1:])


def test_a_search_proposes_what_it_proposes_at_home(cluster: Any) -> None:
    def searched(**where: Any) -> Sequence[tuple[Any, Any]]:
        config = SearchConfig(trials=4, beside=2, pause=0.0)
        points = [{"series": 0, "trial": number} for number in range(config.trials)]
        settings = {"experiment": "tests.faults.toy_search", "versions": {}, "seed": config.seed, **where}
        path = create_run(config=config.model_dump(), points=points, **settings)
        control.start(path)
        run = wait_until_idle(path)
        assert run.state == "finished", run.problem
        return [(dict(point.params), dict(point.result or {})) for point in run.points]

    assert searched(**on(cluster)) == searched(seats=2, threads=1)


def test_cancel_ends_what_runs_and_says_what_the_cluster_is(cluster: Any) -> None:
    path = toy_run(["stuck"] * 2, **on(cluster))
    control.start(path)
    wait_for(lambda: len(read_run(path).running) == 2, "both at work")
    assert [seen.versions for seen in look(cluster.address)] == [versions()] * 2
    control.cancel(path)
    wait_until_idle(path)
    assert read_run(path).state == "cancelled"
    wait_for(lambda: not workers(), "workers dead")
    wait_for(lambda: not left_behind(path), "children dead")


def test_who_has_no_token_is_refused(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    _look.cache_clear()
    with pytest.raises(InputError, match=r"cannot be joined: .*RAY_AUTH_MODE=token and the same token belong here too"):
        look(cluster.address)


def left_behind(path: Path) -> list[int]:
    """Pids of hosts and children of a cluster's run on this machine, wherever Ray has put them."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            files = [link.readlink() for link in (folder / "fd").iterdir()]
        except OSError:
            continue
        if any(path.name in file.parts and "cluster" in file.parts for file in files):
            found.append(int(folder.name))
    return found


def test_a_lost_node_gives_its_points_back(cluster: Any) -> None:
    path = toy_run(["work"] * 2, steps=30, pause=0.05, **on(cluster))
    control.start(path)
    wait_for(lambda: len(read_run(path).running) == 2, "both nodes at work")
    lose_node(cluster)
    wait_until_idle(path)
    run = assert_sound(path)
    assert run.state == "finished"
    assert max(point.attempt for point in run.points) == 2
