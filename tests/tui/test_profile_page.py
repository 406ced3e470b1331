"""The Profile page: a form that follows the study, bars, and what they mean."""

from typing import Any

import pytest
from textual.pilot import Pilot

from engine.runtime.records import RunRecord
from tests.tui.driving import check_snapshot, screen_text, until
from tests.tui.pages import Scripted, app_with, said, settled
from tests.tui.profiled import compiled
from tests.tui.test_gallery import SIZES, fits
from tui_app import presets
from tui_app.app import LabApp


async def open_profile(app: LabApp, pilot: Pilot[None]) -> Any:
    """By its key, once the newest run's figure is drawn."""
    await pilot.press("6")
    await until(pilot, lambda: app.current_mode == "profile" and app.screen.query("Form") and app.screen.form.lines)  # type: ignore[attr-defined]
    screen: Any = app.screen
    await until(pilot, lambda: not app.runs.rows or screen.shown.record is not None)
    await settled(app, pilot)
    return screen


def offered(screen: Any) -> set[str]:
    """The settings that the form shows."""
    return {line.field.name for line in screen.form.lines if line.display}


async def test_the_form_shows_the_settings_of_the_chosen_study_alone() -> None:
    async with app_with() as (app, pilot):
        screen = await open_profile(app, pilot)
        assert {"model", "blocks", "batch_sizes", "dtypes"} <= offered(screen)
        assert not {"lengths", "elements", "groups", "steps"} & offered(screen)
        screen.form.set_text("study", "memory")
        await until(pilot, lambda: "groups" in offered(screen))
        assert {"study", "model", "layers", "skip"} <= offered(screen)
        assert not {"batch_sizes", "repeats", "lengths"} & offered(screen)


async def test_starting_a_study_asks_for_it_and_names_its_command() -> None:
    worker = Scripted(launch="p-0099")
    async with app_with(worker=worker) as (app, pilot):
        screen = await open_profile(app, pilot)
        screen.form.set_text("study", "attention")
        screen.form.set_text("lengths", "64,128")
        assert screen.form.command == "labtui run profile --set study=attention --set lengths=64,128"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "p-0099" in said(app))
        settings = {"study": "attention", "lengths": "64,128"}
        assert ("launch", {"experiment": "profile", "values": settings}) in worker.asked


async def test_a_run_shows_bars_and_says_what_they_mean() -> None:
    async with app_with(compiled()) as (app, pilot):
        screen = await open_profile(app, pilot)
        assert [figure.key for figure in screen.curves.figures] == ["calls", "payoff"]
        await pilot.press("tab", "tab", "right_square_bracket")
        await until(pilot, lambda: screen.views.view == "details")
        assert screen.details.findings[0].endswith("it pays after 9,100 calls, which are then 2.4 times as fast.")
        assert screen.details.findings[2].startswith(
            "batch 64: compiling costs 6.3 s and never pays: a compiled call takes"
        )
        await until(pilot, lambda: "9,100 calls" in screen_text(app))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("run", [compiled()], ids=["compile"])
async def test_the_page_fits(run: RunRecord, size: str) -> None:
    async with app_with(run, size=SIZES[size]) as (app, pilot):
        await open_profile(app, pilot)
        fits(app, *SIZES[size])
        check_snapshot(app, f"profile-{size}")


async def test_the_cursor_never_stays_on_a_setting_that_is_not_there() -> None:
    presets.save("profile", presets.LAST, 'study = "attention"')  # which has no model
    async with app_with() as (app, pilot):
        screen = await open_profile(app, pilot)
        assert "model" not in offered(screen)
        assert screen.form.row.control is control(screen, "study")
        await pilot.press("down")
        assert screen.form.row.control is not control(screen, "study")
        screen.form.go_to(next(line for line in screen.form.lines if line.field.name == "lengths"))
        screen.form.set_text("study", "memory")
        assert screen.form.row.control is control(screen, "model")


def control(screen: Any, name: str) -> Any:
    """The widget of a setting."""
    return next(line.control for line in screen.form.lines if line.field.name == name)
