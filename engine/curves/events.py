"""Curves of TensorBoard: the scalars of its event files, those of each folder a run."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.curves.curve import Curve, finite
from engine.curves.offer import Offer, meant
from engine.errors import InputError
from engine.extras import check_installed
from engine.models.discovery import is_events

LARGEST = 1 << 28
"""Bytes of all event files that are read at once: one process reads some two million a second."""
FRAME = 16
"""Bytes around each record of an event file: its length, and two checksums."""
MOST_RUNS = 24
"""Folders that one tag is drawn of."""

Scalars = dict[str, list[tuple[float, float]]]
"""(step, value) by tag."""


class Events:
    """An event file, or all of them in a folder and the folders below it."""

    def __init__(self, path: Path) -> None:
        """Raises InputError where there are no scalars, a file is damaged, or TensorBoard is not installed."""
        check_installed("Reading an event file", ("tensorboard",), "tensorboard")
        self.path = path
        files = [path] if path.is_file() else sorted(_below(path))
        if not files:
            raise InputError(f"{path} holds no event file of TensorBoard; name the folder that it logs into.")
        if (size := sum(file.stat().st_size for file in files)) > LARGEST:
            raise InputError(
                f"{path} holds {size >> 20:,} MiB of events, and {LARGEST >> 20} are read; name a run in it."
            )
        self._runs: dict[str, Scalars] = {}
        for file in files:
            below = "" if path.is_file() else os.path.relpath(file.parent, path)
            _read(file, self._runs.setdefault("" if below == "." else below, {}))
        self._tags = tuple(dict.fromkeys(tag for scalars in self._runs.values() for tag in scalars))
        if not self._tags:
            raise InputError(f"{path} holds no scalars; name a run that logged some.")

    def offer(self, x_label: str, y_label: str, step: str | None) -> Offer:
        """The tags; TensorBoard keeps the step of each value."""
        return Offer(self._tags, meant(self._tags, y_label), step="step")

    def curves(self, origin: str, value: str, step: str) -> list[Curve]:
        """A curve for each run that has this tag.

        Raises:
            InputError: no run has it, too many have, or one has no finite value.
        """
        having = {run: scalars[value] for run, scalars in self._runs.items() if value in scalars}
        if not having:
            raise InputError(f"{self.path} has no scalar {value!r}; it has {', '.join(self._tags)}.")
        if len(having) > MOST_RUNS:
            raise InputError(f"{len(having)} runs in {self.path} have {value}; name one of them, or a folder of few.")
        return [
            finite(f"{'/'.join(filter(None, (origin, run)))}: {value}", pairs, True) for run, pairs in having.items()
        ]


def _below(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        yield from (Path(place, name) for name in names if is_events(name))


def _read(file: Path, into: Scalars) -> None:
    """Adds the scalars of a file to those of its run.

    A writer that resumed states the step at which it began again: what stands beyond was computed anew.
    """
    from tensorboard.compat.proto.event_pb2 import SessionLog

    kinds: dict[str, str] = {}
    for event in _events(file):
        if event.session_log.status == SessionLog.START:
            for tag, pairs in into.items():
                into[tag] = [pair for pair in pairs if pair[0] < event.step]
        for value in event.summary.value:
            kind = kinds.setdefault(value.tag, value.metadata.plugin_data.plugin_name)
            number = _scalar(value, kind)
            if number is not None:
                into.setdefault(value.tag, []).append((float(event.step), number))


def _events(file: Path) -> Iterator[Any]:
    """What a file holds. A record that is not complete yet, as at the end of a live run, is left out.

    Raises:
        InputError: records in the middle are damaged, or there are none at all.
    """
    from google.protobuf.message import DecodeError
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event

    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    place = 0
    try:
        for record in RawEventFileLoader(str(file)).Load():
            yield Event.FromString(record)
            place += len(record) + FRAME
    except (DecodeError, OSError) as error:
        raise InputError(f"{file} cannot be read as an event file ({error}); name another.") from None
    with file.open("rb") as stream:
        stream.seek(place)
        following = int.from_bytes(stream.read(8), "little")
    if not place or place + following + FRAME <= file.stat().st_size:
        where = f"is damaged from byte {place:,} on" if place else "is no event file of TensorBoard, or damaged"
        raise InputError(f"{file} {where}; name another.")


def _scalar(value: Any, kind: str) -> float | None:
    """The number of a summary: a field of its own, or a tensor that the scalars plugin wrote."""
    if value.HasField("simple_value"):
        return float(value.simple_value)
    if kind != "scalars" or not value.HasField("tensor"):
        return None
    from tensorboard.util.tensor_util import make_ndarray

    return float(make_ndarray(value.tensor).item())
