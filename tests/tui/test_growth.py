"""What screens keep between looks makes nothing that they show differ; work that is costly is done more seldom."""

import random
from dataclasses import replace
from queue import Empty, Queue

import pytest
from textual.app import App, ComposeResult

from engine.experiments import registry
from engine.runtime.records import PointRecord, Progress, RunRecord
from tests.tui.driving import until
from tests.tui.pages import app_with, push
from tests.tui.recorded import MemorySource, result_of, run_record
from tui_app import pace
from tui_app.pace import Pace
from tui_app.runs.feed import Feed
from tui_app.runs.watcher import News
from tui_app.screens.run.screen import RunScreen
from tui_app.widgets.points import PointsTable


def changed(run: RunRecord, dice: random.Random) -> RunRecord:
    """The run a moment later: a point begins, goes on, ends in one way or another, or is begun again; or one more."""
    points = list(run.points)
    place = dice.randrange(len(points))
    point = points[place]
    width = dice.choice((2, 4, 16, 123))
    moments: list[PointRecord] = [
        replace(point, state="running", attempt=2, progress=Progress(dice.random(), 1.0, dice.choice(("a", "b" * 30)))),
        replace(point, state="finished", result=result_of(width, "ptq"), progress=None),
        replace(point, state="failed", error={"type": "E", "message": "x" * width, "traceback": ""}, result=None),
        replace(point, state="queued", attempt=0, result=None, error=None, progress=None),
        replace(point, params={**point.params, "format": f"encoder.layer.{width}.attention.output.dense"}),
    ]
    points[place] = dice.choice(moments)
    if dice.random() < 0.1:
        points.append(PointRecord(len(points), {"mode": "qat", "format": f"fixed({width})", "width": width}))
    return replace(run, points=tuple(points))


class Tables(App[None]):
    CSS = "PointsTable { height: 1fr; }"

    def compose(self) -> ComposeResult:
        yield PointsTable(id="kept")
        yield PointsTable(id="fresh")


async def test_a_table_that_follows_a_run_shows_what_one_filled_anew_shows() -> None:
    dice = random.Random(7)
    run = run_record("q-0001", state="running", done=2)
    quantities = registry.get("quantize").columns_of({})
    async with Tables().run_test(size=(200, 60)) as pilot:
        kept, fresh = pilot.app.query(PointsTable)
        for _ in range(150):
            run = changed(run, dice)
            best = dice.choice((None, 0, 1))
            if dice.random() < 0.1:
                kept.action_values_sort()
            kept.needle = dice.choice(("", "", "fixed", "width>=4"))
            kept.set_run(run, quantities, best)
            fresh.set_run(None)
            fresh.order, fresh.needle = kept.order, kept.needle
            fresh.set_run(run, quantities, best)
            assert kept.columns == fresh.columns
            assert kept.rows == fresh.rows
        before = kept.rows
        kept.set_run(run, quantities, best)
        assert all(a is b for a, b in zip(before, kept.rows, strict=True))


async def test_a_page_shows_the_last_figures_of_a_run_that_ends_while_they_are_worked_out() -> None:
    source = MemorySource(run_record("q-0001", state="running", done=2))
    async with app_with(source=source) as (app, pilot):
        page = await push(app, pilot, RunScreen("q-0001"))
        for done in range(3, 8):
            source.put(run_record("q-0001", state="running", done=done))
            await pilot.pause(0.05)
        last = run_record("q-0001")
        source.put(last)
        await until(pilot, lambda: page.shown.record is not None and page.shown.record.state == "finished")
        await until(pilot, lambda: len(page.curves.figures[0].series[0].x) == len(last.points))
        assert page.shown.best is not None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The processor time of the thread, in its only item."""
    now = [0.0]
    monkeypatch.setattr(pace.time, "thread_time", lambda: now[0])
    return now


def test_what_costs_much_is_done_seldom(clock: list[float]) -> None:
    work = Pace(0.25)
    assert work.seconds == 0.25
    with work.measured():
        clock[0] += 0.001
    assert work.seconds == 0.25
    with work.measured():
        clock[0] += 0.02
    work.add(0.01)
    assert work.seconds == pytest.approx(0.03 / pace.SHARE)
    with work.measured():
        clock[0] += 60.0
    assert work.seconds == pace.MOST


def test_news_wait_until_the_screens_have_shown_those_before() -> None:
    source, told = MemorySource(run_record("q-0001", state="running", done=1)), Queue[News]()
    feed = Feed(source, told.put)
    feed.start()
    feed.take(told.get(timeout=20))
    source.put(run_record("q-0001", state="running", done=2))
    feed.wake()
    with pytest.raises(Empty):
        told.get(timeout=0.6)
    feed.done(0.0)
    assert told.get(timeout=20).summaries["q-0001"].done == 2
    feed.stop()
