"""The end of a point's log, read on as it grows."""

from pathlib import Path

FIRST = 200_000  # bytes from the end that a first look shows
MOST = 64_000  # bytes that one look reads on


class Tail:
    """Remembers which file it reads and how far."""

    def __init__(self) -> None:
        self._point: tuple[Path, int, int] | None = None
        self._path: Path | None = None
        self._at = 0
        self._broken = b""

    def read(self, run: Path, point: int, attempt: int) -> tuple[bool, list[str]]:
        """Whether the log is another one than before, and its new whole lines."""
        other = (run, point, attempt) != self._point
        if other or self._path is None:
            self._point, self._broken = (run, point, attempt), b""
            self._path = _log_path(run, point, attempt)
            self._at = 0 if self._path is None else max(0, _size(self._path) - FIRST)
        if self._path is None:
            return other, []
        try:
            with self._path.open("rb") as file:
                file.seek(self._at)
                data = file.read(FIRST if other else MOST)
        except OSError:
            return other, []
        self._at += len(data)
        *lines, self._broken = (self._broken + data).split(b"\n")
        return other, [_shown(line) for line in lines]


def _shown(line: bytes) -> str:
    """What a progress bar left on the line in the end."""
    return line.decode("utf-8", "replace").rstrip("\r").rpartition("\r")[2]


def _log_path(run: Path, point: int, attempt: int) -> Path | None:
    from engine.errors import InputError
    from engine.runtime.runs import log_path

    try:
        return log_path(run, point, attempt)
    except (InputError, OSError):
        return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
