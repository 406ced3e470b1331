"""A curve of another program on the Compare page: asked for, read by the worker, drawn, written, taken away."""

from pathlib import Path
from typing import Any

import pytest

from engine.curves import reading
from engine.errors import InputError
from tests.tui.driving import check_snapshot, screen_text, until
from tests.tui.pages import Scripted, app_with, push, said, settled
from tests.tui.recorded import run_record
from tui_app.screens.compare import CompareScreen
from tui_app.screens.pickers import PickScreen

RUNS = tuple(run_record(f"q-000{n}", name=f"run {n}", widths=(4,), losses=(0.7, 0.6 - n / 10)) for n in (1, 2))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "curve.csv").write_text("step,loss,lr\n0,0.65,1\n1,0.55,nan\n2,0.4,2\n")
    (tmp_path / "other.csv").write_text("a,b\n0,0.65\n1,0.55\n")


def real(worker: Scripted) -> Scripted:
    """Answers about files as the warm worker does, in this process."""
    worker.answers["curves_offered"] = lambda asked: reading.offered(**asked)
    worker.answers["curves"] = lambda asked: reading.curves(**asked)
    return worker


async def comparing(app: Any, pilot: Any) -> Any:
    page = await push(app, pilot, CompareScreen([run.id for run in RUNS]))
    await until(pilot, lambda: len(page._records) == 2 and page.curves.figures)
    await settled(app, pilot)
    return page


async def pick(app: Any, pilot: Any, *typed: str) -> None:
    await until(pilot, lambda: isinstance(app.screen, PickScreen))
    await pilot.press(*typed, "enter")


def names(page: Any, key: str) -> list[str]:
    (figure,) = (one for one in page.curves.figures if one.key == key)
    return [one.name for one in figure.series]


async def test_a_table_is_laid_into_the_first_figure_over_steps_and_goes_out_with_it() -> None:
    async with app_with(*RUNS, worker=real(Scripted())) as (app, pilot):
        page = await comparing(app, pilot)
        assert page.curves.figure.key == "accuracy"
        assert "i import" in screen_text(app).splitlines()[-1]
        await pilot.press("i")
        await until(pilot, lambda: "other.csv" in screen_text(app))  # what lies here is offered by name
        await pick(app, pilot, *"curve.csv")
        await pick(app, pilot)  # of loss and lr the one that is called as the axis comes first
        await until(pilot, lambda: page.curves.figure.key == "loss")
        await settled(app, pilot)
        assert names(page, "loss")[-1] == "curve.csv: loss"
        assert names(page, "accuracy")[-1] != "curve.csv: loss"
        exports = page.exports()
        assert exports.figures[0].series[-1].y == (0.65, 0.55, 0.4)
        check_snapshot(app, "compare-imported-80x24")
        page._show()  # news of a run: it stays
        assert names(page, "loss")[-1] == "curve.csv: loss"
        await pilot.press("i")
        await pick(app, pilot)  # what lies beside is offered first
        await until(pilot, lambda: "curve.csv: loss" not in names(page, "loss"))


async def test_what_is_unclear_is_asked_and_what_is_left_out_said() -> None:
    async with app_with(*RUNS, worker=real(Scripted())) as (app, pilot):
        page = await comparing(app, pilot)
        await pilot.press("m", "i")
        await pick(app, pilot, *"curve.csv")
        await pick(app, pilot, *"lr")
        await until(pilot, lambda: "1 of 3 values are NaN or infinite" in said(app))
        await pilot.press("i")
        await pick(app, pilot, *"other.csv")
        await pick(app, pilot, *"b")
        await until(pilot, lambda: "counts its steps" in screen_text(app))
        await pick(app, pilot, *"row")
        await until(pilot, lambda: names(page, "loss")[-1] == "other.csv: b")
        assert page.curves.figure.series[-1].x == (1.0, 2.0)


async def test_a_refusal_is_a_sentence_and_escape_changes_nothing() -> None:
    worker = Scripted(curves_offered=InputError("x.csv is empty; name a file with a curve."))
    async with app_with(*RUNS, worker=worker) as (app, pilot):
        page = await comparing(app, pilot)
        figures = page.curves.figures
        await pilot.press("i")
        await pick(app, pilot, *"curve.csv")
        await until(pilot, lambda: "x.csv is empty; name a file with a curve." in said(app))
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, PickScreen))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is page)
        assert page.curves.figures == figures


async def test_folders_of_event_files_are_offered_alone_and_together(tmp_path: Path) -> None:
    from tui_app.screens.source_options import curve_picker

    for name in ("a", "b"):
        (tmp_path / "logs" / name).mkdir(parents=True)
        (tmp_path / "logs" / name / "events.out.tfevents.1").write_bytes(b"")
    more = curve_picker([])._more
    assert more is not None
    assert [(one.value, one.opens) for one in more("")] == [("curve.csv", False), ("logs/", True), ("other.csv", False)]
    assert [one.value for one in more("logs/")] == ["logs", "logs/a", "logs/b"]
    assert [one.value for one in more("logs/a/")] == ["logs/a/events.out.tfevents.1"]
