"""A failure is the first thing one reads: whole, in the figure's place, with what to do."""

from dataclasses import replace

import pytest

from tests.tui.driving import drawn, screen_text, until
from tests.tui.pages import app_with, push, said
from tests.tui.recorded import MemorySource, run_record
from tui_app.runs.notice import failure, waiting
from tui_app.screens.run.screen import RunScreen
from tui_app.text import error_line

SENTENCE = (
    "The column 'label' of /home/someone/data/reviews.parquet holds the labels and cannot be the text as well; "
    "name the column that holds the text with text_column, which is one of review, title, summary."
)
WRONG_INPUT = {"type": "InputError", "message": SENTENCE, "traceback": ""}
BUG = {"type": "ValueError", "message": "no layer matches 'Linaer'", "traceback": "Traceback\n  boom\nValueError"}


def together(text: str) -> str:
    """The words of the screen, whatever lines and frames they stand in."""
    return " ".join(text.replace("┃", " ").replace("│", " ").split())


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_a_failed_run_shows_its_sentence_whole(size: tuple[int, int]) -> None:
    record = run_record("q-0002", state="failed", done=0, error=WRONG_INPUT)
    async with app_with(record, size=size) as (app, pilot):
        screen = await push(app, pilot, RunScreen("q-0002"))
        await until(pilot, lambda: "r opens its settings" in screen_text(app))
        text = screen_text(app)
        assert "✗ 1 point of 8 failed" in text
        if size[0] == 140:  # at 80 columns panes stand beside nothing, at 140 lines of two panes mix
            words = "\n".join(line[:86] for line in text.splitlines())
            assert SENTENCE in together(words)
        else:
            assert SENTENCE in together(text)
        assert "InputError" not in text
        assert "The figure appears" not in text
        assert screen.points.key == "0"


async def test_beside_a_figure_the_failure_stands_above_it() -> None:
    record = run_record("q-0002", state="failed", done=3, error=BUG)
    async with app_with(record) as (app, pilot):
        screen = await push(app, pilot, RunScreen("q-0002"))
        await until(pilot, lambda: "ValueError: no layer matches 'Linaer'" in screen_text(app))
        assert "L shows the log with the traceback" in screen_text(app)
        assert screen.curves.figures
        assert screen.points.key == "3"


async def test_home_shows_the_failure_of_the_run_under_the_cursor() -> None:
    record = run_record("q-0002", state="failed", done=0, error=BUG)
    async with app_with(record, size=(100, 40)) as (app, pilot):
        await drawn(app, pilot)
        assert "ValueError: no layer matches 'Linaer'" in screen_text(app)
        assert "No points yet" not in screen_text(app)


async def test_a_run_that_waits_says_for_what() -> None:
    record = run_record("q-0002", state="queued", done=0, problem="waiting for cpu, used by q-0001")
    async with app_with(record) as (app, pilot):
        screen = await push(app, pilot, RunScreen("q-0002"))
        await until(pilot, lambda: screen.curves.placeholder == "waiting for cpu, used by q-0001")


def test_a_run_cancelled_before_its_first_point_promises_none() -> None:
    record = run_record("q-0002", state="cancelled", done=0)
    assert waiting(record, "soon") == "The run was cancelled before its first point ended."
    assert waiting(run_record("q-0002", state="cancelled", done=1), "soon") == "soon"
    assert waiting(run_record("q-0002", state="running", done=0), "soon") == "soon"


def test_different_errors_are_counted_and_the_keys_are_the_users() -> None:
    record = run_record("q-0002", state="failed", done=0, error=BUG)
    points = [replace(point, state="failed", error=BUG if point.index % 2 else WRONG_INPUT) for point in record.points]
    text = failure(replace(record, points=tuple(points)), {"run.log": "ctrl+l"})
    assert "8 points of 8 failed" in text
    assert f"4 times: {SENTENCE}" in text
    assert "4 times: ValueError: no layer matches 'Linaer'" in text
    assert "^l shows the log" in text
    assert failure(run_record("q-0001")) == ""


def test_what_is_wrong_with_the_input_needs_no_name_of_a_class() -> None:
    assert error_line(WRONG_INPUT) == SENTENCE
    assert error_line(BUG) == "ValueError: no layer matches 'Linaer'"


async def test_after_the_second_x_nobody_asks_for_it_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.runtime.control.cancel", lambda path: None)
    source = MemorySource(run_record("q-0007", state="running", done=2, age=400))
    async with app_with(source=source) as (app, pilot):
        await push(app, pilot, RunScreen("q-0007"))
        await pilot.press("x")
        await until(pilot, lambda: "Press again to cancel" in said(app))
        await pilot.press("x")
        await until(pilot, lambda: "q-0007 is cancelled" in said(app))
        assert "Press again" not in said(app)
