"""Opening the app on recorded runs, waiting for what should come, and reading the screen as text."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from engine.runtime.records import RunRecord
from tests.tui.recorded import NOW, MemorySource, NoWorker
from tui_app.app import LabApp
from tui_app.config import Config
from tui_app.screens.home.figure import HomeFigure

SNAPSHOTS = Path(__file__).parent / "snapshots"
SECONDS = 60


async def until(pilot: Pilot[Any], condition: Callable[[], object], what: str = "") -> None:
    """Waits for a condition, looking again after each round of messages."""
    async with asyncio.timeout(SECONDS):
        while not condition():
            await pilot.pause(0.01)
    await pilot.pause()


@asynccontextmanager
async def opened(
    *records: RunRecord,
    size: tuple[int, int] = (80, 24),
    source: MemorySource | None = None,
    config: Config | None = None,
    plain: bool = False,
    clock: Callable[[], float] = lambda: NOW,
) -> AsyncIterator[tuple[LabApp, Pilot[None]]]:
    """The app on these runs, once all have been read and the first figure is drawn."""
    source = source or MemorySource(*records)
    app = LabApp(source=source, clock=clock, config=config or Config(), plain=plain, interactive=NoWorker())
    app.animation_level = "none"
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.runs.ready and not app.runs.unread)
        yield app, pilot


async def drawn(app: LabApp, pilot: Pilot[Any]) -> None:
    """Waits until the figure of what is chosen stands on the screen."""
    figure = app.screen.query_one(HomeFigure)
    await until(pilot, lambda: figure._soon is None and not any(worker.group == "figure" for worker in app.workers))
    curve = figure.curve
    await until(
        pilot, lambda: not curve.drawing.busy and not (curve.drawing.stale and curve.size and curve.is_on_screen)
    )


def screen_text(app: LabApp) -> str:
    """The screen's lines, without what trails them."""
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips) + "\n"


def check_snapshot(app: LabApp, name: str) -> None:
    """Compares the screen with `snapshots/<name>.txt`; LABTUI_UPDATE_SNAPSHOTS=1 writes it instead."""
    path = SNAPSHOTS / f"{name}.txt"
    now = screen_text(app)
    if os.environ.get("LABTUI_UPDATE_SNAPSHOTS"):
        path.write_text(now, encoding="utf-8")
        return
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if now != before:
        lines = unified_diff(before.splitlines(), now.splitlines(), f"{name}.txt", "screen", lineterm="", n=1)
        pytest.fail("the screen differs (LABTUI_UPDATE_SNAPSHOTS=1 accepts it):\n" + "\n".join(lines), pytrace=False)
