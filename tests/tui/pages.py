"""Opening the pages of experiments, runs and comparisons, with a worker that answers from a script."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from textual.pilot import Pilot

from engine.errors import InputError
from engine.runtime.records import RunRecord
from tests.tui.driving import until
from tests.tui.recorded import NOW, MemorySource, run_record
from tui_app.app import LabApp
from tui_app.config import Config
from tui_app.interactive import Interactive
from tui_app.live import live_actions
from tui_app.widgets.curve import CurveView

LAYERS = [
    {
        "name": f"bert.encoder.layer.{i // 3}.{name}",
        "spec": "fixed(4,2)",
        "sqnr_weight_db": 30.0 - 4 * i,
        "sqnr_input_db": 20.0 + i,
        "zeros": 0.3 / (i + 1),
        "saturated": 0.001 * i,
        "elements": 16384 * (i + 1),
    }
    for i, name in enumerate(["attention.self.query", "attention.output.dense", "output.dense"] * 2)
]
FAILURE = {
    "type": "ValueError",
    "message": "[bold]no[/] layer matches\x1b[31m 'Linaer'",
    "traceback": 'Traceback (most recent call last):\n  File "x.py", line 3, in run\n    boom()\nValueError: no layer',
}


class Scripted(Interactive):
    """Answers what it is asked by `answers[what]`: a value, an exception to raise, or a function of the request."""

    def __init__(self, **answers: Any) -> None:
        super().__init__()
        self.answers = {"check": None, "launch": "q-0099", "format_sample": None, "standing_by": None} | answers
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    async def ask(self, what: str, **values: Any) -> Any:
        await asyncio.sleep(0)
        self.asked.append((what, values))
        answer = self.answers[what]
        if isinstance(answer, InputError):
            raise answer
        return answer(values) if callable(answer) else answer


@asynccontextmanager
async def app_with(
    *records: RunRecord,
    size: tuple[int, int] = (80, 24),
    source: MemorySource | None = None,
    worker: Interactive | None = None,
    plain: bool = False,
    clock: Callable[[], float] = lambda: NOW,
) -> AsyncIterator[tuple[LabApp, Pilot[None]]]:
    """The app on these runs, once all have been read."""
    app = LabApp(
        source=source or MemorySource(*records),
        clock=clock,
        config=Config(),
        plain=plain,
        interactive=worker or Scripted(),
    )
    app.animation_level = "none"
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.runs.ready and not app.runs.unread)
        yield app, pilot


def still(view: CurveView) -> bool:
    """Nothing is left to draw."""
    return not view.drawing.busy and not (view.drawing.stale and view.is_on_screen)


async def settled(app: LabApp, pilot: Pilot[Any]) -> None:
    """Waits until the curves of the page stand on the screen."""
    await pilot.pause()
    await until(pilot, lambda: all(still(view) for view in app.screen.query(CurveView)))


async def open_quantize(app: LabApp, pilot: Pilot[Any]) -> Any:
    """The Quantize page, with the newest run's figure drawn."""
    await app.switch_mode("quantize")
    await until(pilot, lambda: app.screen.query("Form"))
    screen: Any = app.screen
    await until(pilot, lambda: not app.runs.rows or screen.shown.record is not None)
    await settled(app, pilot)
    return screen


async def push(app: LabApp, pilot: Pilot[Any], screen: Any) -> Any:
    """Any other page, once its run has arrived."""
    await app.push_screen(screen)
    await until(pilot, lambda: getattr(screen, "shown", None) is None or screen.shown.record is not None)
    await settled(app, pilot)
    return screen


def said(app: LabApp) -> str:
    """The toasts."""
    return " | ".join(notification.message for notification in app._notifications)


def offered(screen: Any) -> set[str]:
    """The ids of the actions that a key does now."""
    return {action.id for action, _ in live_actions(screen)}


def with_layers(record: RunRecord, index: int) -> RunRecord:
    """The run with a report of layers in one point's result."""
    points = list(record.points)
    points[index] = replace(points[index], result={**(points[index].result or {}), "layers": LAYERS})
    return replace(record, points=tuple(points))


def live() -> RunRecord:
    """A sweep of both modes in its eleventh point."""
    return run_record("q-0007", modes=("ptq", "qat"), state="running", done=11, age=400)
