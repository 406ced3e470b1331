"""The page that was open, its panes' sizes and its zoom come back at the next start; the wheel scrolls."""

import json
from pathlib import Path
from typing import cast

import pytest

from tests.tui.driving import opened, until
from tests.tui.pages import app_with, push
from tests.tui.recorded import run_record
from tui_app.screens.home.screen import HomeScreen
from tui_app.screens.labscreen import LabScreen
from tui_app.screens.run.screen import RunScreen
from tui_app.widgets.pane import Pane


async def test_the_next_start_is_as_one_left(state: Path) -> None:
    async with opened(run_record("q-0001")) as (app, pilot):
        home = cast(LabScreen, app.screen)
        await pilot.press("greater_than_sign")
        size = str(home.query_one("#runs", Pane).styles.height)
        await pilot.press("z")
        await until(pilot, lambda: home.maximized is not None)
        await pilot.press("7")
        await until(pilot, lambda: app.current_mode == "formats")
    async with opened(run_record("q-0001")) as (app, pilot):
        await until(pilot, lambda: app.current_mode == "formats")
        await pilot.press("1")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and app.screen.maximized is not None)
        home = cast(LabScreen, app.screen)
        assert home.maximized is home.query_one("#runs")
        assert str(home.query_one("#runs", Pane).styles.height) == size != "1.15fr"
        await pilot.press("escape", "equals_sign")
    async with opened(run_record("q-0001")) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        home = cast(LabScreen, app.screen)
        assert home.maximized is None
        assert str(home.query_one("#runs", Pane).styles.height) == "1.15fr"


@pytest.mark.parametrize(
    "memory",
    [
        {"layouts": 5},
        {"layouts": {"HomeScreen": 5}},
        {"layouts": {"HomeScreen": {"runs.height": "huge", "gone.width": "2fr", "zoom": "gone"}}, "page": "nowhere"},
    ],
)
async def test_an_arrangement_that_makes_no_sense_is_left_out(state: Path, memory: dict[str, object]) -> None:
    state.mkdir(mode=0o700)
    (state / "app.json").write_text(json.dumps({"left": 1.0, "unopened": [], "baseline": None} | memory))
    async with opened(run_record("q-0001")) as (app, _pilot):
        assert isinstance(app.screen, HomeScreen)
        assert app.screen.maximized is None


async def test_the_wheel_scrolls_tables_and_logs() -> None:
    widths = tuple(range(2, 33))
    async with app_with(run_record("q-0001", widths=widths, done=31)) as (app, pilot):
        screen = await push(app, pilot, RunScreen("q-0001", "points"))
        await pilot._post_mouse_events([_wheel()], screen.points)
        await until(pilot, lambda: screen.points.scroll_offset.y > 0)
        assert screen.points.key == "0"
        await pilot.press("L")
        screen.run_log.view.add([f"line {n}" for n in range(300)])
        await until(pilot, lambda: screen.run_log.view.scroll_offset.y > 0)
        at = screen.run_log.view.scroll_offset.y
        await pilot._post_mouse_events([_wheel(up=True)], screen.run_log.view)
        await until(pilot, lambda: screen.run_log.view.scroll_offset.y < at)
        screen.run_log.view.add(["one more"])
        await pilot.pause()
        assert screen.run_log.view.scroll_offset.y < at


def _wheel(up: bool = False) -> type:
    from textual.events import MouseScrollDown, MouseScrollUp

    return MouseScrollUp if up else MouseScrollDown


@pytest.mark.parametrize("pane", ["config", "log"])
@pytest.mark.parametrize("zoomed", [False, True])
async def test_a_smaller_terminal_keeps_the_focused_pane_in_view(pane: str, zoomed: bool) -> None:
    async with app_with(run_record("q-0001"), size=(140, 40)) as (app, pilot):
        screen = await push(app, pilot, RunScreen("q-0001"))
        used = screen.query_one(f"#{pane}", Pane)
        used.targets[0].focus()
        await pilot.press(*["z"] * zoomed)
        await until(pilot, lambda: screen.panes.current is used and (screen.maximized is used) is zoomed)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: screen.has_class("-normal") and used.region)
        assert screen.panes.current is used
