"""A model for another program from the export dialog: asked for, said, written by a worker of its own, shown."""

from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from tests.tui.driving import screen_text, until
from tests.tui.pages import Scripted, app_with, live, push, said
from tui_app.screens import export_model
from tui_app.screens.dialog import TextScreen
from tui_app.screens.export import ExportScreen
from tui_app.screens.pickers import PickScreen
from tui_app.screens.run.screen import RunScreen


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


async def asked(app: Any, pilot: Any, typed: str) -> None:
    """The export dialog of a run, then the program whose name begins so."""
    await push(app, pilot, RunScreen("q-0007"))
    await pilot.press("e")
    await until(pilot, lambda: isinstance(app.screen, ExportScreen))
    await pilot.press("o")
    await until(pilot, lambda: isinstance(app.screen, PickScreen))
    await pilot.press(*typed, "enter")


async def test_what_cannot_be_expressed_is_asked_about_and_the_table_comes_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [("program", "onnxruntime"), ("equal predictions", "100.00 % of 500")]
    worker = Scripted(export_said=["ONNX cannot express inputs."], export_written=rows)
    monkeypatch.setattr(export_model, "Interactive", lambda: worker)
    async with app_with(live()) as (app, pilot):
        await asked(app, pilot, "onnx")
        await until(pilot, lambda: "cannot express all of it" in screen_text(app))
        assert [what for what, _ in worker.asked] == ["export_said"]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TextScreen))
        assert "100.00 % of 500" in screen_text(app)
    (_, request) = worker.asked[-1]
    assert request["target"] == "onnx"
    assert request["path"] == str(Path("exports/q-0007-accuracy.onnx").absolute())


async def test_a_refusal_is_shown_and_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Scripted(export_said=InputError("GGUF holds causal language models."))
    monkeypatch.setattr(export_model, "Interactive", lambda: worker)
    async with app_with(live()) as (app, pilot):
        await asked(app, pilot, "gguf")
        await until(pilot, lambda: "GGUF holds causal language models." in said(app))
    assert [what for what, _ in worker.asked] == ["export_said"]
