"""Follows a run on stderr: a progress bar on a terminal, a line per finished point elsewhere."""

import re
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from engine.runtime.records import PointRecord, RunRecord
from engine.runtime.runs import RunReader
from engine.runtime.states import STARTING
from engine.search.keys import LABELS, SEED, TRIAL
from engine.tasks.kinds import metric_of
from engine.tasks.metric import Metric
from engine.text import clean
from tui_app import glyphs
from tui_app.command.say import CleanConsole
from tui_app.text import count, error_line

POLL_SECONDS = 0.1
_LABELS = (*LABELS, SEED, TRIAL)  # of a trial; what it chose is in its result
WAIT_SECONDS = 1.0
_NUMBERS = re.compile(r"[\d.]+")
AT_REST = ("finished", "failed", "cancelled", "paused")


def follow(directory: Path) -> RunRecord:
    """Returns the run once it is at rest: finished, failed, cancelled, paused, or its driver gone."""
    console = CleanConsole(stderr=True)
    reader = RunReader(directory)
    try:
        with _bars(console) as bars:
            shown = _Shown(bars, console)
            while True:
                record = reader.poll()
                if record is not None:
                    shown.update(record)
                    if record.state in AT_REST or record.state == "interrupted":
                        return record
                shown.wait(time.monotonic())
                time.sleep(POLL_SECONDS)
    finally:
        reader.close()


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[doing]}", style="dim", markup=False),
        console=console,
        disable=not console.is_terminal,
    )


class _Shown:
    """What is on the terminal so far."""

    def __init__(self, bars: Progress, console: Console) -> None:
        self._bars, self._console = bars, console
        self._task: TaskID | None = None
        self._reported: set[int] = set()
        self._run: RunRecord | None = None
        self._waits = ""
        self._since = 0.0
        self._said = ""

    def update(self, run: RunRecord) -> None:
        if self._task is None:
            self._print(f"{run.id}  {clean(run.name)}  {count(len(run.points), 'point')}")
            self._task = self._bars.add_task(run.experiment, total=len(run.points), doing="")
        self._run = run
        doing = next((_doing(point) for point in run.points if point.state == "running"), clean(run.problem))
        self._bars.update(self._task, completed=run.done, total=len(run.points), doing=doing)
        for point in run.points:
            if point.state in ("finished", "failed", "pruned") and point.index not in self._reported:
                self._reported.add(point.index)
                self._print(_line(point, metric_of(run.config)))

    def wait(self, now: float) -> None:
        """Says what the run waits for once it has waited a while, and that it goes on."""
        problem = clean(self._run.problem) if self._run is not None and self._run.problem != STARTING else ""
        kind = _NUMBERS.sub("", problem)  # how much is free on a disk changes all the time
        if kind != self._waits:
            self._waits, self._since = kind, now
        if self._run is None or kind == self._said or now - self._since < WAIT_SECONDS:
            return
        self._said = kind
        text = f"{problem}; labtui cancel {self._run.id} ends it" if problem else "goes on"
        self._print(f"  {glyphs.state('queued')} {text}")

    def _print(self, line: str) -> None:
        """One line, however long: a terminal wraps it, a file keeps it whole."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _doing(point: PointRecord) -> str:
    label = " ".join(str(point.params[key]) for key in ("format", "mode") if key in point.params) or str(point.index)
    if point.progress is None:
        return label
    return f"{label}: {clean(point.progress.text)} {100 * point.progress.fraction:.0f} %"


def _line(point: PointRecord, metric: Metric) -> str:
    result = point.result or {}
    shown = _LABELS if TRIAL in point.params else point.params
    label = "  ".join(clean(str(point.params[key])) for key in shown if key in point.params)
    label += "".join(f"  {clean(str(result[key]))}" for key in ("setting", "mix") if key in result)
    if point.error:
        return f"  {glyphs.state('failed')} {label}  {error_line(point.error)}"
    if point.state == "pruned":
        return f"  {glyphs.state('pruned')} {label}"
    names = (prefix + metric.name for prefix in ("", "validation_"))
    measured = next((name for name in names if name in result), None)
    return f"  ✓ {label}" + (f"  {measured.replace('_', ' ')} {metric.written(result[measured])}" if measured else "")
