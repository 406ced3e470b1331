"""What the app remembers from one visit to the next, in `app.json` of the state folder: nothing that a run needs."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from engine.errors import InputError
from tui_app.runs.summary import Summary

UNOPENED = 50  # failures kept on top at most, the newest


@dataclass(frozen=True, slots=True)
class Memory:
    """`left` is when the app was last in use (Unix seconds, 0: never); `unopened` are failures nobody has looked at.

    `page` is the tab that was open then; `layouts` says how pages are arranged, by the name of their class.
    """

    left: float = 0.0
    unopened: tuple[str, ...] = ()
    baseline: str | None = None
    page: str = ""
    layouts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def after(self, runs: Iterable[Summary], now: float) -> "Memory":
        """In use now, with the failures since `left` among those to be opened; a first visit has none."""
        failed = [run for run in runs if run.state == "failed" and self.left and (run.ended or 0.0) > self.left]
        fresh = [run.id for run in sorted(failed, key=lambda run: run.ended or 0.0, reverse=True)]
        return replace(self, left=now, unopened=tuple(dict.fromkeys([*fresh, *self.unopened]))[:UNOPENED])

    def opened(self, name: str) -> "Memory":
        """Somebody has looked at the run."""
        return replace(self, unopened=tuple(other for other in self.unopened if other != name))

    def pinned(self, name: str) -> "Memory":
        """The run is the baseline; pinning it again lets go of it."""
        return replace(self, baseline=None if name == self.baseline else name)


class Notebook:
    """The memory and its file. Where it cannot be read or written, it lasts as long as the app."""

    def __init__(self) -> None:
        self.memory = Memory()
        self._complained = False

    def read(self) -> Memory:
        """What is on file; a file that makes no sense is as good as none."""
        try:
            raw = json.loads(_path().read_text(encoding="utf-8"))
            self.memory = Memory(
                left=float(raw["left"]),
                unopened=tuple(str(name) for name in raw["unopened"]),
                baseline=None if raw["baseline"] is None else str(raw["baseline"]),
                page=str(raw.get("page", "")),
                layouts={
                    str(name): {str(key): str(value) for key, value in layout.items()}
                    for name, layout in raw.get("layouts", {}).items()
                },
            )
        except (OSError, InputError, ValueError, KeyError, TypeError, AttributeError):
            self.memory = Memory()
        return self.memory

    def arranged(self, page: str, layout: Mapping[str, str]) -> None:
        """How a page is arranged now; it is written with what else is remembered, at the latest on leaving."""
        self.memory = replace(self.memory, layouts={**self.memory.layouts, page: dict(layout)})

    def write(self, memory: Memory) -> str:
        """Remembers. Returns a sentence the first time that the file cannot be written, else nothing."""
        from engine.runtime.files import replace as replace_file

        self.memory = memory
        try:
            replace_file(_path(), json.dumps(asdict(memory)).encode())
        except (OSError, InputError) as error:
            told, self._complained = self._complained, True
            return "" if told else f"What the app remembers cannot be written: {error}."
        return ""


def _path() -> Path:
    from engine.runtime.home import home

    return home() / "app.json"
