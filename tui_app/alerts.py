"""Told when a run ends while the app is open: the terminal's bell, or a notification through it."""

import os
from collections.abc import Iterable, Mapping

from textual.driver import Driver

from engine.runtime.records import RunState
from engine.text import clean_line
from tui_app.runs.summary import Summary

KINDS = ("bell", "osc9", "osc777")
AT_WORK: tuple[RunState, ...] = ("running", "queued")
NEWS: tuple[RunState, ...] = ("finished", "failed", "interrupted")


class Alerts:
    """Remembers which runs are at work; `look` says what to write to the terminal for those that have ended."""

    def __init__(self, kinds: Iterable[str]) -> None:
        self._kinds = tuple(kinds)
        self._at_work: set[str] = set()

    def tell(self, terminal: Driver | None, runs: Iterable[Summary]) -> None:
        """Takes in runs that changed and lets the terminal tell of those that ended."""
        if (told := self.look(runs)) and terminal is not None:
            terminal.write(told)

    def look(self, runs: Iterable[Summary]) -> str:
        """The same as what to write to the terminal."""
        ended = []
        for run in runs:
            if run.state in AT_WORK:
                self._at_work.add(run.id)
            elif run.id in self._at_work:
                self._at_work.discard(run.id)
                ended += [run] * (run.state in NEWS)
        return "".join(sequence(kind, _message(run)) for run in ended for kind in self._kinds)


def _message(run: Summary) -> str:
    why = f" ({run.problem})" if run.problem and run.state != "finished" else ""
    return f"{run.id} {run.name}: {run.state}, {run.done} of {run.total} points{why}"


def sequence(kind: str, message: str, environ: Mapping[str, str] | None = None) -> str:
    """What makes a terminal ring or show the message. Inside tmux it is wrapped to reach the terminal outside."""
    environ = os.environ if environ is None else environ
    if kind == "bell":
        return "\a"
    text = clean_line(message).replace(";", ",")[:240]
    code = f"\x1b]9;{text}\a" if kind == "osc9" else f"\x1b]777;notify;labtui;{text}\a"
    if environ.get("TMUX"):
        return "\x1bPtmux;" + code.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return code
