"""Where nothing changes, nothing is sent to the terminal; what is covered does no work."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.drivers.headless_driver import HeadlessDriver
from textual.pilot import Pilot
from textual.screen import Screen

from engine.runtime.records import RunRecord
from tests.tui.driving import opened, until
from tests.tui.pages import live
from tests.tui.recorded import MemorySource, run_record
from tests.tui.trained import pruned
from tui_app.app import LabApp
from tui_app.screens.compare import CompareScreen
from tui_app.screens.help import HelpScreen
from tui_app.screens.point import PointScreen
from tui_app.screens.run.screen import RunScreen
from tui_app.tabs import TABS
from tui_app.widgets.table import Table

SILENT = 0.8  # seconds without a byte after which a page counts as settled
SECONDS = 2.2  # longer than the slowest clock of a page
LIVE, FINISHED = live(), run_record("q-0001")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the app writes to its terminal, which it takes for a real one."""
    written: list[str] = []
    monkeypatch.setattr(HeadlessDriver, "is_headless", False)
    monkeypatch.setattr(HeadlessDriver, "write", lambda _, data: written.append(data))
    return written


async def settled(pilot: Pilot[Any], sent: list[str]) -> None:
    """Waits until nothing more is sent for a while."""
    async with asyncio.timeout(60):
        before = -1
        while before != len(sent):
            before = len(sent)
            await pilot.pause(SILENT)


@asynccontextmanager
async def restless(source: MemorySource, record: RunRecord) -> AsyncIterator[None]:
    """A run whose files are written again and again, though nothing in them changes."""

    async def touch() -> None:
        while True:
            source.put(record)
            await asyncio.sleep(0.1)

    task = asyncio.create_task(touch())
    try:
        yield
    finally:
        task.cancel()


PAGES: dict[str, Callable[[RunRecord], Screen[Any]]] = {
    "run": lambda run: RunScreen(run.id),
    "run's settings": lambda run: RunScreen(run.id, "config"),
    "run's log": lambda run: RunScreen(run.id, "log"),
    "compare": lambda run: CompareScreen([run.id, "p-0008"]),
    "point": lambda run: PointScreen(run.id, 2),
}


async def go(app: LabApp, page: str, run: RunRecord) -> None:
    if page in PAGES:
        await app.push_screen(PAGES[page](run))
    else:
        await app.switch_mode(page)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "run"),
    [
        *(pytest.param(page, LIVE, id=f"{page}-live") for page in (*(tab.name for tab in TABS), *PAGES)),
        *(pytest.param(page, FINISHED, id=f"{page}-finished") for page in ("home", *PAGES)),
    ],
)
async def test_a_page_on_which_nothing_changes_sends_nothing(page: str, run: RunRecord, sent: list[str]) -> None:
    source = MemorySource(run, pruned())
    async with opened(source=source, size=(140, 40)) as (app, pilot), restless(source, run):
        await go(app, page, run)
        await settled(pilot, sent)
        assert sent
        sent.clear()
        await pilot.pause(SECONDS)
        assert sent == []
        app.runs.stop()  # before the app closes: its pages go first
        await pilot.pause()


async def test_a_key_sends_what_it_changes(sent: list[str]) -> None:
    async with opened(FINISHED, pruned()) as (app, pilot):
        await settled(pilot, sent)
        sent.clear()
        await pilot.press("j")
        await until(pilot, lambda: sent)
        first = sent[0]
        assert app.screen.query_one("#table", Table).cursor == 1
        assert len(first) < 4000


async def test_ctrl_l_and_a_resize_send_the_whole_screen(sent: list[str]) -> None:
    async with opened(FINISHED) as (app, pilot):
        for act, height in ((pilot.press("ctrl+l"), 24), (pilot.resize_terminal(80, 30), 30)):
            await settled(pilot, sent)
            sent.clear()
            await act
            await until(pilot, lambda: sent)
            await settled(pilot, sent)
            written = "".join(sent)
            assert all(f"\x1b[{row};1H" in written for row in range(1, height + 1))
            assert "Home" in written
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.press("ctrl+l")
        assert isinstance(app.screen, HelpScreen)


async def test_the_clocks_of_a_covered_page_stand_still() -> None:
    """Under a dialog they go on: the page is seen through it."""
    ticks: list[Screen[Any]] = []
    async with opened(FINISHED) as (app, pilot):
        home: Any = app.screen
        home.set_interval(0.01, lambda: ticks.append(home))
        await until(pilot, lambda: ticks)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        ticks.clear()
        await until(pilot, lambda: ticks)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is home)
        await app.push_screen(RunScreen(FINISHED.id))
        await pilot.pause()
        assert not home.is_current
        ticks.clear()
        await pilot.pause(0.2)
        assert ticks == []
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is home and ticks)
