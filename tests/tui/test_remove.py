"""Deleting runs from the app: what is marked or meant, once one agrees; never what is at work."""

from pathlib import Path
from typing import cast

from engine.runtime.home import runs_dir
from engine.runtime.lock import RunLock
from tests.tui.driving import opened, screen_text, until
from tests.tui.recorded import MemorySource, run_record, write_run
from tui_app.live import live_actions
from tui_app.runs.source import Disk
from tui_app.screens.home.screen import HomeScreen
from tui_app.screens.labscreen import LabScreen
from tui_app.screens.remove import RemoveScreen
from tui_app.screens.run.screen import RunScreen

ON_DISK = cast(MemorySource, Disk())


def left() -> list[str]:
    return sorted(path.name for path in runs_dir().iterdir() if not path.name.startswith("."))


async def test_the_run_under_the_cursor_goes_once_one_agrees() -> None:
    first, second = write_run(), write_run()
    async with opened(source=ON_DISK) as (app, pilot):
        await until(pilot, lambda: len(app.runs.rows) == 2)
        await pilot.press("D")
        await until(pilot, lambda: isinstance(app.screen, RemoveScreen) and "B on disk" in screen_text(app))
        assert second.name in screen_text(app)
        assert "1 run with all results" in screen_text(app)
        await pilot.press("escape")
        assert left() == [first.name, second.name]
        await pilot.press("D", "enter")
        await until(pilot, lambda: list(app.runs.rows) == [first.name])
        assert left() == [first.name]
        await pilot.press("D", "enter")
        await until(pilot, lambda: app.screen.has_class("-empty"))
        assert left() == []


async def test_marked_runs_go_together_but_for_those_at_work() -> None:
    runs = [write_run(done=3), write_run(), write_run(), write_run()]
    lock = RunLock.take(runs[0])
    assert lock is not None
    async with opened(source=ON_DISK) as (app, pilot):
        await until(pilot, lambda: len(app.runs.rows) == 4)
        page = cast(HomeScreen, app.screen)
        for run in runs[:3]:
            page.listing.mark(run.name)
        await pilot.press("D")
        await until(pilot, lambda: isinstance(app.screen, RemoveScreen))
        assert "2 runs with all results" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: left() == [runs[0].name, runs[3].name])
        await until(pilot, lambda: set(page.listing.marks) == {runs[0].name})
    lock.release()


async def test_a_run_that_starts_while_one_is_asked_stays() -> None:
    path = write_run(done=3)
    async with opened(source=ON_DISK) as (app, pilot):
        await until(pilot, lambda: len(app.runs.rows) == 1)
        await pilot.press("D")
        assert isinstance(app.screen, RemoveScreen)
        lock = RunLock.take(path)
        assert lock is not None
        await pilot.press("enter")
        said = f"{path.name} is active; cancel it first."
        await until(pilot, lambda: said in [toast.message for toast in app._notifications])
        assert left() == [path.name]
        lock.release()


async def test_its_own_page_closes_behind_it() -> None:
    path = write_run()
    async with opened(source=ON_DISK) as (app, pilot):
        await until(pilot, lambda: len(app.runs.rows) == 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.shown.record is not None)
        await pilot.press("D", "enter")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        assert not Path(path).exists()


async def test_nothing_offers_to_delete_what_is_at_work() -> None:
    async with opened(run_record("q-0003", state="running", done=3)) as (app, pilot):
        assert "run.remove" not in {action.id for action, _ in live_actions(cast(LabScreen, app.screen))}
        await pilot.press("D")
        assert isinstance(app.screen, HomeScreen)


async def test_a_damaged_run_can_be_deleted() -> None:
    path = write_run()
    (path / "spec.json").write_text("{")
    async with opened(source=ON_DISK) as (app, pilot):
        await until(pilot, lambda: len(app.runs.rows) == 1)
        assert next(iter(app.runs.rows.values())).state == "damaged"
        await pilot.press("D", "enter")
        await until(pilot, lambda: not app.runs.rows)
        assert left() == []
