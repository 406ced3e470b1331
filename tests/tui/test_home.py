"""Home at work: keys, filter, marks, baseline, news, and what it does with runs."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot

from engine.runtime import control
from engine.runtime.home import home
from engine.runtime.requests import read_request
from tests.tui.driving import drawn, opened, screen_text, until
from tests.tui.pages import Scripted, app_with, offered
from tests.tui.recorded import NOW, MemorySource, accuracy_of, run_record, write_run
from tui_app.app import LabApp
from tui_app.memory import Memory, Notebook
from tui_app.runs.source import Disk
from tui_app.screens.home.figure import HomeFigure
from tui_app.screens.home.screen import HomeScreen

ERROR = {"type": "OutOfMemoryError", "message": "CUDA out of memory", "traceback": "Traceback\n"}
THREE = (
    run_record("q-0003", name="newest", age=60),
    run_record("q-0002", name="middle", age=3600, widths=(2, 3)),
    run_record("q-0001", name="oldest", age=86400, widths=(16,)),
)


def page(app: LabApp) -> HomeScreen:
    return cast(HomeScreen, app.screen_stack[0])


def shown(app: LabApp) -> list[str]:
    return [row.key for row in page(app).listing.table.rows]


def said(app: LabApp) -> str:
    return " | ".join(notification.message for notification in app._notifications)


async def test_newest_first_and_the_cursor_moves_by_arrows_and_letters() -> None:
    async with opened(*THREE) as (app, pilot):
        assert shown(app) == ["q-0003", "q-0002", "q-0001"]
        for keys, key in ((["down"], "q-0002"), (["j"], "q-0001"), (["j"], "q-0001"), (["k", "up"], "q-0003")):
            await pilot.press(*keys)
            assert page(app).listing.table.key == key
        await pilot.press("G")
        assert page(app).listing.table.key == "q-0001"
        await pilot.press("g")
        assert page(app).listing.table.key == "q-0003"


async def test_the_filter_filters_while_typing_and_escape_backs_out() -> None:
    async with opened(*THREE) as (app, pilot):
        await pilot.press("slash", *"acc>=80% -old")
        assert shown(app) == ["q-0003"]
        assert "1 of 3" in screen_text(app)
        await pilot.press("enter")
        assert app.focused is page(app).listing.table
        await pilot.press("escape")
        assert shown(app) == ["q-0003", "q-0002", "q-0001"]


async def test_single_letters_never_fire_inside_the_filter() -> None:
    async with opened(*THREE) as (app, pilot):
        await pilot.press("slash", *"qxrpcbneyLzo13;:?")
        assert app.screen is page(app)
        assert page(app).query_one("#query").value == "qxrpcbneyLzo13;:?"  # type: ignore[attr-defined]


async def test_the_order_goes_through_the_columns_and_turns_round() -> None:
    async with opened(*THREE) as (app, pilot):
        await pilot.press("o")
        assert shown(app) == ["q-0002", "q-0003", "q-0001"]  # by name
        await pilot.press("O")
        assert shown(app) == ["q-0001", "q-0003", "q-0002"]
        await pilot.press("o", "o", "o")
        assert page(app).listing.board.sort == "metric"
        assert shown(app) == ["q-0001", "q-0003", "q-0002"]


async def test_the_cursor_stays_on_its_run_while_others_come() -> None:
    source = MemorySource(*THREE)
    async with opened(source=source) as (app, pilot):
        await pilot.press("j")
        source.put(run_record("q-0004", name="just now", age=1))
        await until(pilot, lambda: "q-0004" in shown(app))
        assert shown(app)[0] == "q-0004"
        assert page(app).listing.table.key == "q-0002"
        source.drop("q-0002")
        await until(pilot, lambda: "q-0002" not in shown(app))
        assert page(app).listing.table.key == "q-0001"


async def test_marked_runs_are_drawn_together_and_keep_their_signs() -> None:
    async with opened(*THREE, size=(140, 40)) as (app, pilot):
        await pilot.press("space", "space")
        await drawn(app, pilot)
        figure = page(app).query_one(HomeFigure)
        assert page(app).listing.marks == {"q-0003": 0, "q-0002": 1}
        names = {series.name: series.slot for series in figure.curve.figures[0].series if series.slot >= 0}
        assert names == {"newest: PTQ": 0, "middle: PTQ": 1}
        await pilot.press("g", "space")
        await drawn(app, pilot)
        assert page(app).listing.marks == {"q-0002": 1}
        assert {series.slot for series in figure.curve.figures[0].series if series.slot >= 0} == {1}
        rows = {row.key: str(row.mark) for row in page(app).listing.table.rows}
        assert rows == {"q-0003": "", "q-0002": "▲", "q-0001": ""}
        await pilot.press("escape")
        assert page(app).listing.marks == {}


async def test_what_is_shown_can_be_exported_and_copied() -> None:
    async with opened(*THREE) as (app, pilot):
        await pilot.press("slash", *"-newest", "enter", "j", "space", "k", "space")
        await drawn(app, pilot)
        exports = page(app).exports()
        assert exports is not None
        assert exports.table is not None
        assert [row[0] for row in exports.table.rows] == ["q-0002", "q-0001"]
        assert exports.table.rows[1][5] == accuracy_of(16, "ptq")
        assert [record.id for record in exports.runs] == ["q-0001", "q-0002"]
        assert exports.figures
        copied = page(app).copies()
        assert copied is not None
        assert [line.split("\t")[0] for line in copied.splitlines()] == ["q-0001", "q-0002"]


async def test_comparing_needs_a_mark() -> None:
    async with opened(*THREE) as (app, pilot):
        await pilot.press("c")
        assert "Mark runs with space" in said(app)


async def test_a_run_without_a_best_point_is_no_baseline() -> None:
    """Pinned, it took the differences of all others away."""
    async with app_with(run_record("q-0001", state="cancelled", done=0)) as (app, pilot):
        await pilot.press("b")
        await until(pilot, lambda: "q-0001 has no best point" in said(app))
        assert app.notebook.memory.baseline is None


async def test_differences_from_the_pinned_baseline_dim_inside_the_noise() -> None:
    far = run_record("q-0004", name="two bits", widths=(2,), age=30)
    async with opened(far, *THREE) as (app, pilot):
        await pilot.press("G", "b")
        cells = {row.key: row.cells[5] for row in page(app).listing.table.rows}
        assert str(cells["q-0001"]) == "base"
        assert str(cells["q-0003"]).startswith("-0.")
        assert cells["q-0003"].spans[0].style == "$muted"  # type: ignore[union-attr]
        assert float(str(cells["q-0004"])) < -20
        assert cells["q-0004"].spans[0].style == "$error"  # type: ignore[union-attr]
        assert app.notebook.memory.baseline == "q-0001"
        again = Notebook()
        again.read()
        assert again.memory.baseline == "q-0001"
        await pilot.press("b")
        assert app.notebook.memory.baseline is None


async def test_the_header_counts_and_the_jobs_line_follows_a_running_run() -> None:
    source = MemorySource(run_record("q-0002", state="running", done=3), run_record("q-0003", state="queued", done=0))
    async with opened(source=source) as (app, pilot):
        first, last = screen_text(app).splitlines()[0], screen_text(app).splitlines()[-2]
        assert first.endswith("▸1  ⋯1")
        assert "q-0002 3/8" in last
        assert "⋯ q-0003" in last
        source.put(run_record("q-0002", state="running", done=5))
        await until(pilot, lambda: "q-0002 5/8" in screen_text(app))
        source.put(run_record("q-0002"))
        source.put(run_record("q-0003"))
        await until(pilot, lambda: "▸" not in screen_text(app).splitlines()[0])
        assert not page(app).query_one("#jobs").display


async def test_who_stands_by_is_on_the_jobs_line_while_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_app.screens.home.screen.STANDING_SECONDS", 0.05)
    worker = Scripted(standing_by="quantize, 412 MB, pid 4711")
    async with app_with(run_record("q-0002"), worker=worker) as (app, pilot):
        await until(pilot, lambda: "stands by: quantize, 412 MB, pid 4711" in screen_text(app).splitlines()[-2])
        worker.answers["standing_by"] = None
        await until(pilot, lambda: "stands by" not in screen_text(app))
        assert not page(app).query_one("#jobs").display


async def test_on_return_what_ended_is_said_and_failures_stand_on_top_until_opened() -> None:
    Notebook().write(Memory(left=NOW - 5000))
    failed = run_record("q-0001", name="bad", state="failed", done=0, error=ERROR, age=4000)
    async with opened(*THREE[:2], failed) as (app, _):
        text = screen_text(app)
        assert "✗ 1 failed q-0001 OutOfMemoryError: CUDA out…   ✓ 2 finished" in text
        assert shown(app)[0] == "q-0001"
        assert app.notebook.memory.unopened == ("q-0001",)
    async with opened(*THREE[:2], failed) as (app, _):
        assert "finished q-" not in screen_text(app)
        assert shown(app)[0] == "q-0001"
        app.remember(app.notebook.memory.opened("q-0001"))
        page(app).runs_changed(frozenset())
        assert shown(app)[0] == "q-0003"


async def test_the_first_visit_has_no_news() -> None:
    failed = run_record("q-0001", state="failed", done=0, error=ERROR)
    async with opened(failed, THREE[0]) as (app, _):
        assert "since" not in screen_text(app)
        assert app.notebook.memory.unopened == ()


async def test_a_failure_while_one_looks_goes_to_the_top() -> None:
    source = MemorySource(*THREE, run_record("q-0009", state="running", done=1, age=90000))
    times = iter([NOW])
    async with opened(source=source, clock=lambda: next(times, NOW)) as (app, pilot):
        assert shown(app)[-1] == "q-0009"
        bad = run_record("q-0009", state="failed", done=1, error=ERROR, age=90000)
        source.put(replace(bad, ended=NOW + 1))
        await until(pilot, lambda: shown(app)[0] == "q-0009")


async def test_a_failure_while_another_page_is_in_front_is_not_forgotten() -> None:
    source = MemorySource(*THREE, run_record("q-0009", state="running", done=1, age=90000))
    Notebook().write(Memory(left=NOW - 10))
    async with opened(source=source) as (app, pilot):
        await app.switch_mode("quantize")
        bad = run_record("q-0009", state="failed", done=1, error=ERROR, age=90000)
        source.put(replace(bad, ended=NOW + 1))
        await until(pilot, lambda: app.runs.rows["q-0009"].state == "failed")
        assert app.notebook.memory.unopened == ("q-0009",)
        await app.switch_mode("home")
        await until(pilot, lambda: shown(app)[0] == "q-0009")


@pytest.mark.parametrize("size", [(80, 24), (60, 24), (140, 40)])
async def test_an_empty_project_offers_three_ways(size: tuple[int, int]) -> None:
    async with opened(size=size) as (app, pilot):
        text = screen_text(app)
        for way in ("the demo", "a new experiment", "the command line"):
            assert way in text
        await until(pilot, lambda: "d demo" in screen_text(app).splitlines()[-1])


async def test_the_demo_is_launched_without_a_form(monkeypatch: pytest.MonkeyPatch) -> None:
    launched: list[Any] = []
    from engine.experiments import launch

    def stand_in(*arguments: Any, **_: Any) -> Path:
        launched.append(arguments)
        return home() / "runs" / "q-0001"

    monkeypatch.setattr(launch, "launch", stand_in)
    async with opened() as (app, pilot):
        await pilot.press("d")
        await until(pilot, lambda: "q-0001 has started" in said(app))
    assert launched[0][0].name == "quantize"


async def on_disk(pilot: Pilot[None], app: LabApp, count: int) -> None:
    await until(pilot, lambda: len(app.runs.rows) == count)


async def test_an_empty_project_keeps_its_keys_after_the_help() -> None:
    async with opened() as (app, pilot):
        offers = offered(app.screen)
        assert {"home.demo", "home.demo_vision", "home.new"} <= offers
        assert not {"table.open", "pane.zoom", "app.back"} & offers
        await pilot.press("question_mark")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press("escape")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        assert offered(app.screen) == offers


async def test_pause_and_cancel_reach_the_run_directory() -> None:
    path = write_run(done=3)
    async with opened(source=cast(MemorySource, Disk())) as (app, pilot):
        await on_disk(pilot, app, 1)
        await pilot.press("x")
        assert "Press again to cancel" in said(app)
        assert read_request(path).want == "run"
        await pilot.press("x")
        await until(pilot, lambda: app.runs.rows[path.name].state == "cancelled")
        assert read_request(path).want == "cancel"
        assert not {"run.cancel", "run.pause"} & offered(app.screen)


async def test_p_pauses_and_takes_a_pause_back_that_has_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    for verb in ("pause", "resume"):
        monkeypatch.setattr(control, verb, lambda path, verb=verb: asked.append(verb))
    run = run_record("q-0001", state="running", done=3)
    source = MemorySource(run)
    async with opened(source=source) as (app, pilot):
        await pilot.press("p")
        await until(pilot, lambda: asked == ["pause"])
        assert "p pause" in screen_text(app)
        source.put(replace(run, pausing=True))
        await until(pilot, lambda: "p resume" in screen_text(app))
        await pilot.press("p")
        await until(pilot, lambda: asked == ["pause", "resume"])


async def test_a_rerun_opens_the_form_with_the_runs_settings() -> None:
    path = write_run(name="again", config={"widths": [7, 9]})
    opened_with: list[Any] = []
    async with opened(source=cast(MemorySource, Disk())) as (app, pilot):
        await on_disk(pilot, app, 1)
        app.open_experiment = lambda name, config=None: opened_with.append((name, config))  # type: ignore[method-assign]
        await pilot.press("r")
        await until(pilot, lambda: opened_with)
    name, config = opened_with[0]
    assert (name, config["widths"]) == ("quantize", [7, 9])
    assert path.name == "q-0001"


async def test_a_state_folder_that_cannot_be_written_costs_the_memory_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object, data: bytes) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("engine.runtime.files.replace", refuse)
    async with opened(*THREE) as (app, pilot):
        await pilot.press("b")
        assert "Read-only file system" in said(app)
        assert app.notebook.memory.baseline == "q-0003"
        await pilot.press("b", "b")
        assert said(app).count("Read-only file system") == 1
