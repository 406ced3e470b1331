"""Findings and listings on a run's page; sorting and filtering of tables."""

from dataclasses import replace
from pathlib import Path

from engine.experiments import results
from engine.experiments.report import write_report
from engine.runtime.records import RunRecord
from tests.tui.driving import screen_text, until
from tests.tui.pages import app_with, push
from tests.tui.recorded import run_record
from tui_app.screens.ask import AskScreen
from tui_app.screens.run.screen import RunScreen


def detailed() -> RunRecord:
    record = run_record("d-0001", widths=(2, 3))
    points = tuple(replace(point, params={"name": "ab"[point.index]}) for point in record.points)
    return replace(record, experiment="tests.tui.detailed", config={}, points=points)


async def test_details_are_a_view_where_there_are_some() -> None:
    async with app_with(detailed(), run_record("q-0002")) as (app, pilot):
        screen = await push(app, pilot, RunScreen("d-0001"))
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: screen.details.table.has_focus)
        assert "2 points [red]ended[/]." in screen_text(app)
        assert "Layers (1 of 2)" in screen_text(app)
        await pilot.press("m")
        await until(pilot, lambda: "Kinds (2 of 2)" in screen_text(app))
        exported = screen.exports()
        assert exported is not None
        assert exported.table is not None
        assert exported.table.headers == ("Kind",)
        other = await push(app, pilot, RunScreen("q-0002"))
        await pilot.press("right_square_bracket")
        assert other.views.view == "config"


async def test_rows_are_sorted_by_each_column_in_turn() -> None:
    async with app_with(detailed()) as (app, pilot):
        screen = await push(app, pilot, RunScreen("d-0001", "details"))
        table = screen.details.table
        table.focus()
        names = [str(row.cells[0]) for row in table.rows]
        await pilot.press("o", "o")
        assert table.order == ("zeros", True)
        assert [str(row.cells[0]) for row in table.rows] == names[::-1]
        await pilot.press("O")
        assert [str(row.cells[0]) for row in table.rows] == names
        await pilot.press("o", "o")
        assert table.order is None


async def test_a_filter_leaves_only_what_passes() -> None:
    async with app_with(detailed(), size=(140, 40)) as (app, pilot):
        screen = await push(app, pilot, RunScreen("d-0001", "details"))
        table = screen.details.table
        table.focus()
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        await pilot.press(*"zeros>=20% -layer.4", "enter")
        await until(pilot, lambda: table.needle != "")
        assert [str(row.cells[0]) for row in table.rows] == ["layer.2", "layer.3", "layer.5"]
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        await pilot.press("ctrl+u", *"nowhere", "enter")
        await until(pilot, lambda: not table.rows)
        assert "No row has nowhere" in screen_text(app)


async def test_points_are_sorted_by_what_they_measured() -> None:
    async with app_with(run_record("q-0002")) as (app, pilot):
        screen = await push(app, pilot, RunScreen("q-0002", "points"))
        screen.points.focus()
        await pilot.press("o", "o", "o")
        assert screen.points.order == ("accuracy", True)
        keys = [int(row.key) for row in screen.points.rows]
        accuracies = [screen.shown.record.points[key].result["accuracy"] for key in keys]
        assert accuracies == sorted(accuracies, reverse=True)


def test_details_leave_through_document_report_and_table(tmp_path: Path) -> None:
    run = replace(detailed(), path=tmp_path)
    document = results.document(run)
    assert document["findings"] == ["2 points [red]ended[/]."]
    assert [one["key"] for one in document["listings"]] == ["layers", "kinds"]
    assert document["listings"][0]["rows"][1]["layer"] == "layer.1"
    assert results.tables(run)["kinds"].rows == (("Linear",), (None,))
    text = write_report(tmp_path / "report", [run]).read_text()
    assert r"- 2 points \[red\]ended\[/\]." in text
    assert "| layer.5 | 50.00 |" in text
    assert (tmp_path / "report" / "d-0001-layers.csv").read_text().startswith("Layer,Zeros,Size")
