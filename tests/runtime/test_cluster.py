"""What goes between driver and nodes, without a cluster."""

import hashlib
import os
import shutil
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from engine.errors import InputError
from engine.runtime.cluster.connection import Node, join
from engine.runtime.cluster.flight import Flight
from engine.runtime.cluster.messages import LINES, PIECE, REFUSED, WHOLE, packed, unpacked
from engine.runtime.cluster.orders import Orders
from engine.runtime.cluster.parcels import PIECE_BYTES, Arrivals, BrokenFileError, Outgoing
from engine.runtime.cluster.plan import ClusterPlan
from engine.runtime.cluster.scratch import scratch
from engine.runtime.cluster.sources import Source, hold, replaced
from engine.runtime.encoding import loads
from engine.runtime.executor import Task, WorkerError
from engine.runtime.spec import RunSpec
from engine.runtime.versions import difference


def sent(outgoing: Outgoing, arrivals: Arrivals) -> list[str]:
    names = []
    for message in outgoing.messages():
        kind, facts, data = unpacked(message)
        if kind == PIECE:
            arrivals.piece(data)
        else:
            assert kind == WHOLE
            names.append(facts["name"])
            arrivals.whole(facts["name"], facts["digest"])
    return names


@pytest.fixture
def there(tmp_path: Path) -> Path:
    folder = tmp_path / "there"
    (folder / "points" / "3" / "model").mkdir(parents=True)
    return folder


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, 2 * PIECE_BYTES + 7])
def test_files_arrive_as_they_were_and_once(there: Path, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    outgoing, arrivals = Outgoing(there), Arrivals(tmp_path / "here", tmp_path / "incoming" / "0003.1")
    (there / "points" / "3" / "model" / "weights").write_bytes(data)
    (there / "points" / ".hidden").write_bytes(b"no")
    (there / "once.lock").write_bytes(b"no")
    assert sent(outgoing, arrivals) == ["points/3/model/weights"]
    assert (tmp_path / "here" / "points" / "3" / "model" / "weights").read_bytes() == data
    assert sent(outgoing, arrivals) == []
    (there / "points" / "3" / "model" / "weights").write_bytes(data + b"more")
    assert sent(outgoing, arrivals) == ["points/3/model/weights"]


def test_half_a_file_is_never_seen(tmp_path: Path) -> None:
    here = tmp_path / "here"
    arrivals = Arrivals(here, tmp_path / "incoming" / "0003.1")
    arrivals.piece(b"half")
    assert not here.exists()
    with pytest.raises(BrokenFileError, match="hash"):
        arrivals.whole("points/3/weights", hashlib.sha256(b"half and half").hexdigest())
    assert not (here / "points").exists()


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "points//3", "points/./3", "", "a\0b"])
def test_no_file_leaves_the_run(tmp_path: Path, name: str) -> None:
    arrivals = Arrivals(tmp_path / "here", tmp_path / "incoming" / "0003.1")
    arrivals.piece(b"x")
    with pytest.raises(BrokenFileError, match="inside"):
        arrivals.whole(name, hashlib.sha256(b"x").hexdigest())


def flight(directory: Path) -> Flight:
    for name in ("attempts", "logs", "artifacts"):
        (directory / name).mkdir(mode=0o700, parents=True)
    return Flight(Task((3,), 1), directory, None)


def test_a_full_disk_puts_a_message_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = flight(tmp_path / "q-0001")
    line = b'{"ts":1.0,"n":0,"kind":"metric","point":3,"data":{"key":"a","step":0.0,"value":1.0}}\n'
    message = packed(LINES, line, durable=False)
    real: Callable[..., int] = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:5]))
        run.take(message)
    log = tmp_path / "q-0001" / "attempts" / "0003.1.jsonl"
    assert (run.pending, log.read_bytes()) == (message, b"")
    run.take(message)
    assert (run.pending, log.read_bytes()) == (None, line)


def test_checkpoints_go_as_they_go_on_the_node(tmp_path: Path) -> None:
    run = flight(tmp_path / "q-0001")
    kept = tmp_path / "q-0001" / "artifacts" / "checkpoints" / "3"
    kept.mkdir(parents=True)
    for step in ("10", "20"):
        (kept / step).write_text("state")
    run.take(packed(LINES, b'{"ts":1.0,"n":0,"kind":"checkpoint","point":3,"data":{"step":20}}\n', durable=True))
    assert [path.name for path in kept.iterdir()] == ["20"]
    run.take(packed(LINES, b'{"ts":2.0,"n":1,"kind":"finished","point":3,"data":{}}\n', durable=True))
    assert not kept.exists()


def test_what_a_node_refuses_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match=r"the worker on node-7 has torch 2\.8 instead of 2\.9"):
        flight(tmp_path / "q-0001").take(packed(REFUSED, text="node-7 has torch 2.8 instead of 2.9"))
    assert difference({"torch": "2.9", "numpy": "2"}, {"torch": "2.9", "numpy": "2"}) == ""


def stored() -> tuple[list[bytes], Callable[[bytes], int], Callable[[Any], bytes]]:
    """An object store: its content, and how things are put and got."""
    content: list[bytes] = []

    def put(piece: bytes) -> int:
        content.append(piece)
        return len(content) - 1

    return content, put, content.__getitem__


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize("folder", [True, False])
def test_a_source_reaches_a_node_once(tmp_path: Path, folder: bool) -> None:
    content, put, get = stored()
    path = tmp_path / "model"
    if folder:
        (path / "deep").mkdir(parents=True)
        (path / ".git").mkdir()
        (path / ".git" / "config").write_text("secret")
        (path / "deep" / "weights").write_bytes(b"w" * 10)
    else:
        path.write_bytes(b"w" * 10)
    source = Source.of_plain(Source.of(path, put).plain())
    assert content == [b"w" * 10]
    assert source.place(get) == path  # as on a shared file system
    path.rename(tmp_path / "elsewhere")
    placed = source.place(get)
    assert placed.name == "model"
    assert (placed / "deep" / "weights" if folder else placed).read_bytes() == b"w" * 10
    content.clear()  # a second task finds it in the cache
    assert source.place(get) == placed


def test_a_source_that_has_changed_is_refused(tmp_path: Path) -> None:
    put, noted, path = stored()[1], tmp_path / "sources.json", tmp_path / "model.py"
    path.write_text("def make(): ...")
    for _ in range(2):
        hold(noted, {f"{path}:make": Source.of(path, put)})
    path.write_text("def make(): return 1")
    with pytest.raises(InputError, match=r"model\.py:make has changed since this run began"):
        hold(noted, {f"{path}:make": Source.of(path, put)})


def test_settings_name_what_is_on_the_node() -> None:
    config = {"model": "/here/m", "teacher": ["none", "/here/m"], "seed": 1, "data": "owner/name"}
    expected = {"model": "/there/m", "teacher": ["none", "/there/m"], "seed": 1, "data": "owner/name"}
    assert replaced(config, {"/here/m": "/there/m"}) == expected


@pytest.mark.usefixtures("state")
def test_scratch_folders_of_the_dead_are_cleared_away_and_others_stay() -> None:
    with scratch("q-0001") as (first, _):
        with scratch("q-0001") as (second, _):
            assert first.is_dir()
            copy = second.parent.with_name("task-dead") / "q-0001"
            shutil.copytree(second, copy)
        assert not second.exists()
        with scratch("q-0001"):
            assert first.is_dir()
            assert not copy.exists()


@pytest.mark.usefixtures("state")
def test_a_task_that_ends_beside_others_removes_its_own_folder() -> None:
    def turns(_: int) -> None:
        for _ in range(20):
            with scratch("q-0001") as (folder, _):
                for name in range(20):
                    (folder / "artifacts" / str(name)).mkdir()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(turns, range(4)))


@pytest.mark.parametrize("address", ["127.0.0.1:{}", "auto", "[::1]:{}", "127.0.0.1:99999"])
def test_a_cluster_that_is_not_there_is_found_out_at_once(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    with socket.socket() as taken:  # a port on which nobody listens
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setitem(sys.modules, "ray", ModuleType("ray"))
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
        with pytest.raises(InputError, match=r"the Ray cluster at \S+:\d+ does not answer"):
            join(address.format(port))


def test_a_cluster_that_refuses_is_told_with_what_it_may_want(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise ConnectionError("Failed to connect to Ray cluster at 127.0.0.1:1.\n\x1b[31m")

    package = ModuleType("ray")
    package.init = refuse  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ray", package)
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(InputError) as refused:
        join(f"127.0.0.1:{server.getsockname()[1]}")
    said = str(refused.value)
    assert "cannot be joined: Failed to connect to Ray cluster at 127.0.0.1:1" in said
    assert said.endswith("RAY_AUTH_MODE=token and the same token belong here too (docs/cluster.md).")
    assert "\x1b" not in said


@pytest.mark.parametrize(
    ("has", "asks", "room"),
    [
        ((8, 0), (1, 0), 8),
        ((8, 0), (3, 0), 2),
        ((8, 2), (1, 1), 2),
        ((8, 2), (1, 0.1), 8),
        ((64, 2), (1, 0.1), 20),
        ((8, 2), (1, 0.4), 4),
        ((8, 4), (1, 2), 2),
        ((8, 1), (1, 2), 0),
    ],
)
def test_room_of_a_node(has: tuple[float, float], asks: tuple[int, float], room: int) -> None:
    assert Node("id", "name", *has).room(*asks) == room


def spec(**fields: Any) -> RunSpec:
    return RunSpec("s-0001", "s", "tests.faults.toy", {}, [{}] * 4, 1.0, devices=("ray",), **fields)


def test_a_task_is_given_what_it_may_read_and_no_more(tmp_path: Path) -> None:
    directory, put = tmp_path / "s-0001", stored()[1]
    flight(directory)
    made = {"points/1/model/weights": b"1", "points/2/model/weights": b"2", "once/baseline.json": b"{}"}
    made |= {"checkpoints/3/40": b"3", "checkpoints/0/10": b"0"}
    for name, data in made.items():
        path = directory / "artifacts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    lines = "".join(f'{{"ts":1.0,"n":0,"kind":"{kind}","point":1,"data":{{}}}}\n' for kind in ("metric", "finished"))
    for point in (1, 3):
        (directory / "attempts" / f"000{point}.1.jsonl").write_text(lines)
    orders = Orders(directory, spec(), ClusterPlan(names=("chosen",)), "worker", 1)
    task, params = Task((3,), 2), [{"chosen": 1}]
    assert {parcel.name for parcel in orders.parcels(task, params, put)} == {
        "points/1/model/weights",
        "once/baseline.json",
        "checkpoints/3/40",
    }
    files = loads(orders.order(task, params))["files"]
    assert list(files) == ["attempts/0003.1.jsonl"]  # a sweep: its own past, from which it goes on
    (directory / "trials.jsonl").write_bytes(b"")
    files = loads(orders.order(task, params))["files"]
    assert sorted(files) == ["attempts/0001.1.jsonl", "attempts/0003.1.jsonl", "trials.jsonl"]
    assert "metric" not in files["attempts/0001.1.jsonl"]
    assert "finished" in files["attempts/0001.1.jsonl"]
    assert "metric" in files["attempts/0003.1.jsonl"]
