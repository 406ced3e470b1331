"""Awkward states of the experiment's, the run's, the point's and the comparison's page, as text."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from engine.runtime.records import RunRecord
from tests.tui.driving import check_snapshot, screen_text, until
from tests.tui.pages import FAILURE, app_with, live, open_quantize, push, settled, with_layers
from tests.tui.recorded import run_record
from tests.tui.test_gallery import SIZES, fits
from tui_app.screens.compare import CompareScreen
from tui_app.screens.point import PointScreen
from tui_app.screens.run.screen import RunScreen

NAMES = "電影評論 [bold]四位元[/] 🚀 \x1b[31mred\x1b[0m and a rather long name at that"


def odd_numbers() -> RunRecord:
    """A run with a diverged loss, no accuracy at one point, and an infinite size at another."""
    record = run_record("q-0001", name="diverged", losses=(0.7, 1.9, math.nan, math.inf))
    first, second, *rest = record.points
    first = replace(first, result={**(first.result or {}), "loss": math.nan, "zeros": None})
    second = replace(second, result={**(second.result or {}), "bytes": 0, "loss": math.inf})
    return replace(record, points=(first, second, *rest))


def failed() -> RunRecord:
    return run_record("q-0001", name="bert-base w4", state="failed", done=3, error=FAILURE)


RUNS: dict[str, Callable[[], RunRecord]] = {
    "live": live,
    "no-points": lambda: run_record("q-0001", widths=()),
    "queued": lambda: run_record("q-0001", state="queued", done=0, problem="waiting for cpu"),
    "one-point": lambda: run_record("q-0001", widths=(4,)),
    "many-points": lambda: run_record("q-0001", widths=tuple(range(2, 402)), config={"widths": [2]}),
    "failed": failed,
    "odd-numbers": odd_numbers,
    "names": lambda: run_record("q-0001", name=NAMES, config={"model": NAMES, "fraction": "half"}),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", RUNS)
async def test_run(name: str, size: str) -> None:
    record = RUNS[name]()
    async with app_with(record, size=SIZES[size]) as (app, pilot):
        await push(app, pilot, RunScreen(record.id))
        fits(app, *SIZES[size])
        check_snapshot(app, f"run-{name}-{size}")


@pytest.mark.parametrize("size", SIZES)
async def test_quantize(size: str) -> None:
    async with app_with(live(), size=SIZES[size]) as (app, pilot):
        screen = await open_quantize(app, pilot)
        fits(app, *SIZES[size])
        check_snapshot(app, f"quantize-live-{size}")
        screen.form.set_text("widths", "4,x")
        screen.form.set_text("modes", "ptq,qat")
        screen.form.set_text("learning_rate", "7")
        await pilot.pause()
        fits(app, *SIZES[size])
        check_snapshot(app, f"quantize-errors-{size}")


async def test_quantize_before_any_run() -> None:
    async with app_with() as (app, pilot):
        await open_quantize(app, pilot)
        check_snapshot(app, "quantize-empty-80x24")


@pytest.mark.parametrize("size", ["80x24", "140x40"])
@pytest.mark.parametrize("view", ["config", "log"])
async def test_views_of_a_run(view: str, size: str) -> None:
    async with app_with(live(), size=SIZES[size]) as (app, pilot):
        screen = await push(app, pilot, RunScreen("q-0007", view))
        screen.run_log.view.add(["loading", "step 1 [red]x[/] \x1b[31mred\x1b[0m", "電影 🚀"])
        screen.run_log.show(app.runs.rows["q-0007"], screen.shown.record, None)
        await pilot.pause()
        fits(app, *SIZES[size])
        check_snapshot(app, f"run-{view}-{size}")


@pytest.mark.parametrize("size", SIZES)
async def test_point(size: str) -> None:
    for name, record, index in (
        ("layers", with_layers(live(), 4), 4),
        ("failed", failed(), 3),
        ("running", live(), 11),
    ):
        async with app_with(record, size=SIZES[size]) as (app, pilot):
            page = await push(app, pilot, PointScreen(record.id, index))
            place = page.layers_table if name == "layers" else page.log_view
            await until(pilot, lambda page=page: page.point is not None)  # type: ignore[misc]
            await until(pilot, lambda app=app, place=place: app.focused is place and place.is_on_screen)  # type: ignore[misc]
            fits(app, *SIZES[size])
            check_snapshot(app, f"point-{name}-{size}")


@pytest.mark.parametrize("size", SIZES)
async def test_compare(size: str) -> None:
    records = (
        live(),
        run_record("q-0003", name=NAMES, config={"fraction": "half"}),
        run_record("q-0002", widths=(4,), age=9999),
    )
    async with app_with(*records, size=SIZES[size]) as (app, pilot):
        page = await push(app, pilot, CompareScreen([record.id for record in records]))
        await until(pilot, lambda: len(page._records) == 3 and len(page.table.columns) == 4)
        await settled(app, pilot)
        fits(app, *SIZES[size])
        check_snapshot(app, f"compare-{size}")


async def test_everything_in_ascii() -> None:
    """Nothing outside ASCII is on any page."""
    async with app_with(with_layers(live(), 4), failed(), plain=True) as (app, pilot):
        await open_quantize(app, pilot)
        check_snapshot(app, "quantize-ascii-80x24")
        assert screen_text(app).isascii()
        await app.switch_mode("home")
        pages: list[Any] = [
            RunScreen("q-0007"),
            RunScreen("q-0001", "config"),
            PointScreen("q-0007", 4),
            CompareScreen(["q-0007", "q-0001"]),
        ]
        for page in pages:
            await push(app, pilot, page)
            await settled(app, pilot)
            await pilot.press("e")
            await pilot.pause()
            assert screen_text(app).isascii(), screen_text(app)
            await pilot.press("escape", "escape")
            await until(pilot, lambda page=page: app.screen is not page)  # type: ignore[misc]


async def test_resizing_keeps_every_page_whole() -> None:
    async with app_with(live()) as (app, pilot):
        for page in (RunScreen("q-0007"), CompareScreen(["q-0007"]), PointScreen("q-0007", 2)):
            await push(app, pilot, page)
            for size in ((60, 20), (200, 50), (30, 10), (12, 5), (80, 24)):
                await pilot.resize_terminal(*size)
                await settled(app, pilot)
                fits(app, *size)
            await pilot.press("escape")
