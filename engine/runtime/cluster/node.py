"""A node's end: computes one task with a host and a child as at home, and says line by line what they record.

Runs in a worker process of Ray. What the child makes reaches the driver before the line that says so.
"""

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.own import command
from engine.runtime.attempts import AttemptFile
from engine.runtime.cluster.messages import BEGUN, ENDED, LINES, PRINTED, REFUSED, packed
from engine.runtime.cluster.parcels import PIECE_BYTES, Outgoing, Parcel, inside
from engine.runtime.cluster.scratch import scratch
from engine.runtime.cluster.sources import Source, replaced
from engine.runtime.descriptors import readable
from engine.runtime.devices import CPU
from engine.runtime.encoding import loads
from engine.runtime.files import open_regular
from engine.runtime.files import replace as write_whole
from engine.runtime.hosts import Host
from engine.runtime.lock import RunLock
from engine.runtime.spec import RunSpec
from engine.runtime.versions import difference, versions

_SECONDS = 0.1
_DURABLE = (b'"kind":"finished"', b'"kind":"failed"', b'"kind":"pruned"', b'"kind":"checkpoint"')


def serve(order: bytes, goods: Mapping[str, Any], get: Callable[[Any], bytes]) -> Iterator[bytes]:
    """Messages from the beginning of a task to its end.

    `order` is the driver's JSON; `goods` the JSON that all tasks of the run share (`standing`), the run's files that
    come with the task (`parcels`) and the `sources` that its settings name, plain; `get` reads the object store.
    """
    yield packed(BEGUN)
    told = loads(get(goods["standing"][0])) | loads(order)
    name = socket.gethostname()
    if differs := difference(told["versions"], versions()):
        yield packed(REFUSED, text=f"{name} has {differs}; install there what is installed here.")
        return
    os.environ["PYTHONSAFEPATH"] = "1"  # a file beside which Ray was started must not shadow a package
    try:
        with scratch(told["spec"]["id"]) as (folder, lock):
            _unpack(folder, told, goods, get)
            yield from _computed(folder, lock, told, name)
    except InputError as error:
        yield packed(REFUSED, text=f"{name}: {error}")


def _unpack(folder: Path, told: Mapping[str, Any], goods: Mapping[str, Any], get: Callable[[Any], bytes]) -> None:
    sources = {text: Source.of_plain(plain) for text, plain in goods["sources"].items()}
    places = {text: _named(text, source, source.place(get)) for text, source in sources.items()}
    spec = RunSpec(**told["spec"] | {"devices": tuple(told["spec"]["devices"])})
    replace(spec, config=replaced(spec.config, places)).write(folder)
    for relative, text in told["files"].items():
        write_whole(inside(folder, relative), text.encode())
    for plain in goods["parcels"]:
        Parcel(*plain).unpack(folder / "artifacts", get)


def _named(text: str, source: Source, place: Path) -> str:
    """The setting for a source that lies at `place`: of `FILE:FUNCTION` the function stays."""
    function = text.removeprefix(source.path) if text.startswith(source.path) else ""
    return f"{place}{function}" if function.startswith(":") else str(place)


def _computed(folder: Path, lock: RunLock, told: Mapping[str, Any], name: str) -> Iterator[bytes]:
    gpus = os.environ.get("CUDA_VISIBLE_DEVICES", "") if told["gpus"] else ""
    setting = {
        "directory": str(folder),
        "device": gpus or CPU,
        "place": f"{name} GPU {gpus}" if gpus else f"{name} {CPU}",
        "seed": told["spec"]["seed"],
        "threads": told["threads"],
        "shares": False,  # the next task has another host
    }
    worker = command(told["worker"], told["spec"]["experiment"])
    host = Host(worker, setting["device"])
    host.assign(setting, (lock.descriptor,), folder / "logs" / "host.log")
    following = _Following(folder, AttemptFile.of(folder, told["task"], told["attempt"]))
    host.send({"task": told["task"], "attempt": told["attempt"], "points": told["points"]})
    try:
        endings: list[dict[str, Any]] = []
        while not host.dead and not endings:
            readable([host.pipe], _SECONDS)
            endings = host.read()
            yield from following.messages()
        yield from following.messages()
        yield from following.files()
        if not endings and not host.ready and (host.status or 0) >= 0:
            yield packed(REFUSED, text=f"{name}: {host.last_words()}")
        else:
            yield packed(ENDED, status=endings[0]["status"] if endings else None)
    finally:
        host.close()


class _Following:
    """What a task has recorded and printed since this was last asked."""

    def __init__(self, folder: Path, file: AttemptFile):
        self._file = file
        self._outgoing = Outgoing(folder / "artifacts")
        self._read = self._printed = 0

    def messages(self) -> Iterator[bytes]:
        """Files before the lines that build on them, lines, then what was printed."""
        while lines := self._lines():
            durable = any(kind in lines for kind in _DURABLE)
            if durable:
                yield from self.files()
            yield packed(LINES, lines, durable=durable)
        while printed := _bytes(self._file.log, self._printed):
            self._printed += len(printed)
            yield packed(PRINTED, printed)

    def files(self) -> Iterator[bytes]:
        """What the task has made and no line has named."""
        yield from self._outgoing.messages()

    def _lines(self) -> bytes:
        """Whole lines, as many as fit into a message and at least one; what is torn is left for later."""
        size = PIECE_BYTES
        while True:
            data = _bytes(self._file.path, self._read, size)
            whole = data[: data.rfind(b"\n") + 1]
            if whole or len(data) < size:
                self._read += len(whole)
                return whole
            size *= 2


def _bytes(path: Path, offset: int, size: int = PIECE_BYTES) -> bytes:
    try:
        descriptor = open_regular(path)
    except FileNotFoundError:
        return b""
    try:
        return os.pread(descriptor, size, offset)
    finally:
        os.close(descriptor)
