"""The export dialog: one key a kind, never over a file that is there."""

import json
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from engine.errors import InputError
from engine.interactive import figure_from
from tests.tui.driving import screen_text, until
from tests.tui.pages import Scripted, app_with, live, push, said
from tests.tui.recorded import run_record
from tui_app.screens.export import ExportScreen
from tui_app.screens.run.screen import RunScreen


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


async def dialog(app: Any, pilot: Any) -> RunScreen:
    page = await push(app, pilot, RunScreen("q-0007"))
    await pilot.press("e")
    await until(pilot, lambda: isinstance(app.screen, ExportScreen))
    return page


async def test_the_path_is_there_and_each_kind_is_named() -> None:
    async with app_with(live()) as (app, pilot):
        await dialog(app, pilot)
        text = screen_text(app)
        assert "exports/q-0007-accuracy" in text
        assert all(kind in text for kind in ("PNG", "SVG", "CSV", "JSON", "Markdown", "LaTeX"))
        assert "16 rows" in text


@pytest.mark.parametrize(
    ("key", "name", "holds"),
    [
        ("c", "q-0007-accuracy.csv", "point,mode,format,width,state,accuracy"),
        ("m", "q-0007-accuracy.md", "| # | Format | Mode | Accuracy % |"),
        ("l", "q-0007-accuracy.tex", r"Format & Mode & Accuracy (\%) &"),
        ("j", "q-0007-accuracy.json", '"experiment": "quantize"'),
    ],
)
async def test_one_key_writes_one_kind(key: str, name: str, holds: str) -> None:
    async with app_with(live()) as (app, pilot):
        page = await dialog(app, pilot)
        await pilot.press(key)
        await until(pilot, lambda: app.screen is page)
        assert f"Wrote exports/{name}" in said(app)
        assert holds in Path("exports", name).read_text()


async def test_json_is_the_document_of_the_run() -> None:
    async with app_with(live()) as (app, pilot):
        await dialog(app, pilot)
        await pilot.press("j")
        document = json.loads(Path("exports/q-0007-accuracy.json").read_text())
        assert document["run"]["id"] == "q-0007"
        assert len(document["points"]) == 16


async def test_nothing_is_written_over() -> None:
    async with app_with(live()) as (app, pilot):
        page = await dialog(app, pilot)
        for _ in range(3):
            await pilot.press("c")
            await until(pilot, lambda: app.screen is page)
            await pilot.press("e")
        assert sorted(path.name for path in Path("exports").iterdir()) == [
            "q-0007-accuracy-2.csv",
            "q-0007-accuracy-3.csv",
            "q-0007-accuracy.csv",
        ]


async def test_the_picture_is_drawn_by_the_worker_from_the_figure_in_view() -> None:
    worker = Scripted(picture=lambda request: request["path"])
    async with app_with(live(), worker=worker) as (app, pilot):
        page = await push(app, pilot, RunScreen("q-0007"))
        await pilot.press("m", "e")
        await until(pilot, lambda: isinstance(app.screen, ExportScreen))
        await pilot.press("p")
        await until(pilot, lambda: "Wrote exports/q-0007-size.png" in said(app))
        request = next(values for what, values in worker.asked if what == "picture")
        assert request["path"] == str(Path("exports/q-0007-size.png").absolute())
        assert figure_from(json.loads(json.dumps(request["figure"]))) == page.curves.figure


async def test_size_resolution_and_title_of_a_picture_are_typed_in() -> None:
    worker = Scripted(picture=lambda request: request["path"])
    async with app_with(live(), worker=worker) as (app, pilot):
        page = await dialog(app, pilot)
        for value in ("column", "300", ""):
            await pilot.press("down", "ctrl+u", *value)
        await pilot.press("enter", "p")
        await until(pilot, lambda: app.screen is page and "Wrote" in said(app))
        asked = next(values for what, values in worker.asked if what == "picture")
        assert (asked["size"], asked["dpi"], asked["title"]) == ("column", 300, "")


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("dpi", "x", "dpi is a whole number, not 'x'"),
        ("dpi", "99999999999", "30 to 1200 dots"),
        ("size", "99x1", "2 to 40 inches"),
        ("size", "big", "such as 7x4.4"),
    ],
)
async def test_what_cannot_be_drawn_is_refused_before_it_is_tried(field: str, typed: str, sentence: str) -> None:
    async with app_with(live()) as (app, pilot):
        await dialog(app, pilot)
        app.screen.query_one(f"#{field}", Input).value = typed
        await pilot.press("s")
        assert isinstance(app.screen, ExportScreen)
        assert sentence in said(app)


async def test_a_picture_that_cannot_be_written_says_why() -> None:
    worker = Scripted(picture=InputError("/ro/a.svg cannot be written: Read-only file system; choose another place."))
    async with app_with(live(), worker=worker) as (app, pilot):
        await dialog(app, pilot)
        await pilot.press("s")
        await until(pilot, lambda: "Read-only file system" in said(app))


async def test_letters_belong_to_the_path_while_it_is_edited() -> None:
    async with app_with(live()) as (app, pilot):
        page = await dialog(app, pilot)
        await pilot.press("up")
        assert isinstance(app.focused, Input)
        await pilot.press("ctrl+u", *"out/jpcs.csv", "enter")
        assert isinstance(app.screen, ExportScreen)
        await pilot.press("c")
        await until(pilot, lambda: app.screen is page)
        assert Path("out/jpcs.csv").exists()


async def test_a_run_without_figures_offers_what_it_has() -> None:
    async with app_with(run_record("q-0007", widths=())) as (app, pilot):
        await push(app, pilot, RunScreen("q-0007"))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, ExportScreen))
        await pilot.press("p")
        assert isinstance(app.screen, ExportScreen) or "no figure" in said(app)
