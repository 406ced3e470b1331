"""A run's page: its views, its log, its keys; points and comparisons."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from textual.widgets import Static

from engine.runtime.attempts import AttemptFile, AttemptLog, task_name
from tests.tui.driving import screen_text, until
from tests.tui.pages import FAILURE, app_with, live, push, said, settled, with_layers
from tests.tui.recorded import MemorySource, run_record, write_run
from tui_app.memory import Memory, Notebook
from tui_app.runs.source import Disk
from tui_app.screens.compare import CompareScreen
from tui_app.screens.point import PointScreen
from tui_app.screens.run.screen import RunScreen


def text_of(screen: Any, name: str) -> str:
    return str(screen.query_one(f"#{name}", Static).content)


async def test_the_figure_has_the_focus_and_the_run_its_line() -> None:
    async with app_with(live()) as (app, pilot):
        screen = await push(app, pilot, RunScreen("q-0007"))
        assert app.focused is screen.curves
        assert "11/16" in text_of(screen, "line")
        assert "evaluating 61% of" in text_of(screen, "line")
        assert "within one standard error" in text_of(screen, "best")
        assert [row.key for row in screen.points.rows if row.mark] == [str(screen.shown.best.index)]


async def test_brackets_change_the_view_below_120_columns() -> None:
    async with app_with(live()) as (app, pilot):
        screen = await push(app, pilot, RunScreen("q-0007"))
        shown = []
        views = ("points", "details", "config", "log")
        for _ in range(5):
            shown.append([name for name in views if screen.query_one(f"#{name}").is_on_screen])
            await pilot.press("right_square_bracket")
            await pilot.pause()
        assert shown == [["points"], ["details"], ["config"], ["log"], ["points"]]
        await pilot.press("left_square_bracket")
        assert screen.views.view == "points"


async def test_everything_is_in_view_on_a_wide_screen() -> None:
    async with app_with(live(), size=(140, 40)) as (app, pilot):
        screen = await push(app, pilot, RunScreen("q-0007"))
        assert all(screen.query_one(f"#{name}").is_on_screen for name in ("figure", "points", "config", "log"))


@pytest.mark.parametrize("view", ["", "points", "config", "log"])
async def test_it_opens_at_the_view_that_was_asked_for(view: str) -> None:
    async with app_with(live()) as (app, pilot):
        screen = await push(app, pilot, RunScreen("q-0007", view))
        assert screen.views.view == (view or "points")
        assert (app.focused is screen.curves) == (view == "")


async def test_settings_that_differ_come_first() -> None:
    record = run_record("q-0003", config={"fraction": "half", "batch_size": 64})
    async with app_with(record) as (app, pilot):
        screen = await push(app, pilot, RunScreen("q-0003", "config"))
        marked = [row.cells[0] for row in screen.settings.rows if row.mark]
        assert marked == ["widths", "fraction"]
        assert [row.cells[0] for row in screen.settings.rows[:2]] == marked


async def test_settings_stand_beside_the_pinned_baseline() -> None:
    Notebook().write(Memory(baseline="q-0001"))
    records = (
        run_record("q-0003", config={"fraction": "half"}),
        run_record("q-0001", config={"fraction": "auto"}, age=9999),
    )
    async with app_with(*records) as (app, pilot):
        screen = await push(app, pilot, RunScreen("q-0003", "config"))
        await until(pilot, lambda: screen.settings.columns[2].label == "q-0001")
        first = screen.settings.rows[0]
        assert (first.cells[0], first.cells[1], str(first.cells[2])) == ("fraction", "half", "auto")


async def test_news_arrives_while_the_page_is_open() -> None:
    source = MemorySource(run_record("q-0007", state="running", done=2, age=400))
    async with app_with(source=source) as (app, pilot):
        screen = await push(app, pilot, RunScreen("q-0007"))
        assert len(screen.curves.figure.series[0].x) == 2
        source.put(run_record("q-0007", state="finished", age=400))
        await until(pilot, lambda: len(screen.curves.figure.series[0].x) == 8)
        assert "finished" in text_of(screen, "line")


async def test_the_log_is_read_on_as_it_grows(state: Path) -> None:
    directory = write_run(done=2)
    attempt = AttemptFile.of(directory, task_name([2]), 1)
    log = AttemptLog.create(attempt.path)
    log.emit("start", 2, {"points": [2], "device": "cpu"})
    raw = directory / "logs" / f"{attempt.path.stem}.log"
    raw.write_text("loading\nstep 1\x1b[31m [red]x[/]\n")
    async with app_with(source=cast(MemorySource, Disk())) as (app, pilot):
        screen = await push(app, pilot, RunScreen(directory.name, "log"))
        screen.points.go_to("0")
        await until(pilot, lambda: str(screen.run_log.pane.border_title).endswith(", empty"))
        screen.points.go_to("2")
        await until(pilot, lambda: list(screen.run_log.view.lines)[:2] == ["loading", "step 1 [red]x[/]"])
        assert "empty" not in str(screen.run_log.pane.border_title)
        with raw.open("a") as file:
            file.write("    step 2\nstep ")
        await until(pilot, lambda: list(screen.run_log.view.lines)[2:3] == ["    step 2"])


async def test_log_lines_are_found(state: Path) -> None:
    async with app_with(live()) as (app, pilot):
        screen = await push(app, pilot, RunScreen("q-0007", "log"))
        screen.run_log.view.add([f"line {n}" for n in range(300)] + ["Epoch done"])
        await pilot.press("slash", *"epoch", "enter")
        await until(pilot, lambda: screen.run_log.view.found == 300)
        await pilot.press("slash", *"line 29", "enter")
        await until(pilot, lambda: screen.run_log.view.found == 29)
        await pilot.press("n")
        assert screen.run_log.view.found == 290
        await pilot.press("N", "N")
        assert screen.run_log.view.found == 299
        await pilot.press("slash", *"nowhere", "enter")
        await until(pilot, lambda: "'linenowhere' is not in the log" in said(app) or "is not in the log" in said(app))


async def test_a_failed_point_shows_its_traceback_literally() -> None:
    record = run_record("q-0002", state="failed", done=3, error=FAILURE)
    async with app_with(record) as (app, pilot):
        screen = await push(app, pilot, RunScreen("q-0002"))
        assert "✗ ValueError: [bold]no" in screen_text(app)
        screen.points.focus()
        await pilot.press("g", "j", "j", "j", "enter")
        await until(pilot, lambda: isinstance(app.screen, PointScreen) and app.screen.point is not None)
        page = cast(PointScreen, app.screen)
        await until(pilot, lambda: app.focused is page.log_view)
        assert list(page.log_view.lines)[:3] == FAILURE["traceback"].splitlines()[:3]
        assert page.copies() == FAILURE["traceback"]


async def test_a_point_lists_its_layers_noisiest_first() -> None:
    async with app_with(with_layers(live(), 4)) as (app, pilot):
        page = await push(app, pilot, PointScreen("q-0007", 4))
        await until(pilot, lambda: page.layers_table.rows)
        ratios = [float(str(row.cells[2])) for row in page.layers_table.rows]
        assert ratios == sorted(ratios) == [10.0, 14.0, 18.0, 22.0, 26.0, 30.0]
        assert str(page.layers_table.rows[0].cells[0]) == "L1.out"
        facts = text_of(page, "facts")
        assert "85.97 % ±0.43" in facts
        exports = page.exports()
        assert exports.table.headers[:3] == ("name", "spec", "sqnr_weight_db")
        assert len(exports.table.rows) == 6


async def test_runs_are_compared_in_what_differs() -> None:
    one = run_record("q-0003", name="half", config={"fraction": "half", "batch_size": 64})
    two = run_record("q-0002", name="auto", config={"fraction": "auto", "batch_size": 64}, age=9999)
    async with app_with(one, two) as (app, pilot):
        page = await push(app, pilot, CompareScreen(["q-0003", "q-0002"]))
        await until(pilot, lambda: len(page._records) == 2 and len(page.table.columns) == 3)
        await settled(app, pilot)
        rows = {str(row.cells[0]): [str(cell) for cell in row.cells[1:]] for row in page.table.rows}
        assert rows["name"] == ["half", "auto"]
        assert rows["best Accuracy"] == ["85.97 % ±0.43"] * 2
        assert rows["fraction"] == ["half", "auto"]
        assert "batch_size" not in rows
        await pilot.press("d")
        assert any(str(row.cells[0]) == "batch_size" for row in page.table.rows)
        names = [series.name for series in page.curves.figure.series]
        assert names[:2] == ["half: PTQ", "auto: PTQ"]
        exports = page.exports()
        assert exports.stem == "compare-q-0003-q-0002"
        assert [run.id for run in exports.runs] == ["q-0003", "q-0002"]


async def test_a_comparison_keeps_going_where_a_run_disappears() -> None:
    source = MemorySource(run_record("q-0003"), run_record("q-0002", age=9999))
    async with app_with(source=source) as (app, pilot):
        page = await push(app, pilot, CompareScreen(["q-0003", "q-0002"]))
        await until(pilot, lambda: len(page._records) == 2)
        source.drop("q-0002")
        await until(pilot, lambda: len(page._records) == 1)
        await settled(app, pilot)


async def test_pause_and_cancel_act_on_the_run_of_the_page(state: Path) -> None:
    from engine.runtime.requests import read_request

    directory = write_run(done=2)
    async with app_with(source=cast(MemorySource, Disk())) as (app, pilot):
        await push(app, pilot, RunScreen(directory.name))
        await pilot.press("x", "x")
        await until(pilot, lambda: read_request(directory).want == "cancel")
        await until(pilot, lambda: app.runs.rows[directory.name].state == "cancelled")


@pytest.mark.parametrize("count", [0, 1, 400])
async def test_few_points_and_many(count: int) -> None:
    record = run_record("q-0001", widths=tuple(range(2, 2 + count)), config={"widths": [2]})
    async with app_with(record) as (app, pilot):
        screen = await push(app, pilot, RunScreen("q-0001"))
        assert len(screen.points.rows) == count
        assert "q-0001" in screen_text(app)


async def test_results_that_are_no_numbers() -> None:
    record = run_record("q-0001", losses=(0.7, float("nan"), float("inf")))
    points = [
        replace(point, result={**(point.result or {}), "loss": float("nan"), "accuracy": None})
        for point in record.points[:1]
    ]
    record = replace(record, points=(*points, *record.points[1:]))
    async with app_with(record) as (app, pilot):
        screen = await push(app, pilot, RunScreen("q-0001"))
        assert "NaN" in screen_text(app)
        await pilot.press("m", "m")
        await settled(app, pilot)
        assert screen.points.rows


async def test_an_experiment_that_is_gone_still_shows_its_points() -> None:
    record = replace(run_record("q-0001"), experiment="gone.away")
    async with app_with(record) as (app, pilot):
        screen = await push(app, pilot, RunScreen("q-0001"))
        assert len(screen.points.rows) == 8
        assert "finished" in screen_text(app)
