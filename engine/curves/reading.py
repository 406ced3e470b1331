"""Files with curves by their names: what is asked on the command line, and what the app's worker answers."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from engine.curves.curve import Curve
from engine.curves.events import Events
from engine.curves.offer import Offer
from engine.curves.tables import Table
from engine.errors import InputError
from engine.figures.figure import Figure
from engine.models.discovery import is_events
from engine.runtime.paths import existing, expanded


class Source(Protocol):
    """A file or folder with curves, read."""

    path: Path

    def offer(self, x_label: str, y_label: str, step: str | None) -> Offer:
        """What can be chosen, and what is meant beside a figure with these axes."""

    def curves(self, origin: str, value: str, step: str) -> list[Curve]:
        """The curves called `value`, named after their origin. Raises InputError where there are none."""


def opened(text: str) -> Source:
    """An event file, a folder of them, or a table. Raises InputError where it is none or cannot be read."""
    path = existing(text)
    if path is None:
        raise InputError(
            f"{text or 'the path'} does not exist; name a table, an event file of TensorBoard or a folder."
        )
    if path.is_dir() or is_events(path.name):
        return Events(path)
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty; name a file with a curve.")
    return Table(path)


class Asked:
    """What a user named: `PATH`, or `PATH:NAME` for one of several curves."""

    def __init__(self, text: str, step: str | None = None) -> None:
        """Raises InputError as `opened`."""
        self._text, self._name = _parted(text)
        self._step = step
        self._source = opened(self._text)

    def beside(self, figure: Figure) -> list[Curve]:
        """The curves that are meant beside a figure.

        Raises:
            InputError: several could be, or none can.
        """
        offer = self._source.offer(figure.x_label, figure.y_label, self._step)
        value = self._name or offer.value
        if offer.step is None:
            raise InputError(
                f"{self._text} has no column called step; name one of {', '.join(offer.steps)} with --step."
            )
        if value is None:
            one = offer.values[0]
            raise InputError(f"{self._text} holds {', '.join(offer.values)}; name one, as {self._text}:{one}.")
        return self._source.curves(origin(self._text), value, offer.step)


def offered(path: str, x_label: str, y_label: str) -> dict[str, Any]:
    """An `Offer` for the app, as plain values. Raises as `opened`."""
    return asdict(opened(path).offer(x_label, y_label, None))


def curves(path: str, value: str, step: str) -> list[dict[str, Any]]:
    """Curves for the app, as plain values. Raises InputError as the source does."""
    return [asdict(one) for one in opened(path).curves(origin(path), value, step)]


def origin(path: str) -> str:
    """Where a curve is from, in a legend: the file's name, or that of an event file's folder, and the folder around."""
    place = expanded(path)
    if is_events(place.name):
        place = place.parent
    return "/".join(part for part in place.parts[-2:] if part != place.anchor)


def _parted(text: str) -> tuple[str, str | None]:
    """Path and name at the first colon before which there is something; the whole text where it exists itself."""
    for place in (len(text), *(at for at, letter in enumerate(text) if letter == ":")):
        if existing(text[:place]):
            return text[:place], text[place + 1 :] or None
    return text, None
