"""The Quantize page: typing, errors, the plan, presets, pickers, launching, following."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input, Static

from engine.errors import InputError
from tests.tui.driving import screen_text, until
from tests.tui.pages import Scripted, app_with, live, offered, open_quantize, said, settled
from tests.tui.recorded import MemorySource, run_record
from tui_app import presets
from tui_app.screens import sources
from tui_app.screens.pickers import PickScreen


def text_of(screen: Any, name: str) -> str:
    return str(screen.query_one(f"#{name}", Static).content)


def line(screen: Any, name: str) -> Any:
    return screen.form.query_one(f"#line-{name}")


async def fill(screen: Any, pilot: Pilot[None], name: str, text: str) -> None:
    line(screen, name).control.focus()
    await pilot.press("ctrl+u", *text)
    await pilot.pause()


async def test_the_form_has_the_focus_and_says_what_would_run() -> None:
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        assert app.focused is line(screen, "model").control
        assert "9 points" in text_of(screen, "plan")
        assert text_of(screen, "command") == "labtui run quantize"
        await fill(screen, pilot, "widths", "2-8:2")
        assert "4 points" in text_of(screen, "plan")
        assert text_of(screen, "command") == "labtui run quantize --set widths=2-8:2"


async def test_errors_stand_under_the_field_while_typing() -> None:
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        await fill(screen, pilot, "widths", "4,x")
        widths = line(screen, "widths")
        assert widths.error.startswith("widths: 'x' is not a whole number")
        assert screen.form.query_one(".error").region.y == widths.region.bottom
        assert "1 setting to mend" in text_of(screen, "plan")
        await pilot.press("backspace", "8")
        assert not screen.form.query(".error")
        assert "2 points" in text_of(screen, "plan")


async def test_what_is_wrong_with_the_whole_stands_in_the_plan() -> None:
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        await fill(screen, pilot, "integer_bits", "1,2")
        assert "a grid needs both integer_bits and fraction_bits" in text_of(screen, "plan")


async def test_arrows_move_within_the_form_and_tab_leaves_it() -> None:
    async with app_with(live()) as (app, pilot):
        screen = await open_quantize(app, pilot)
        await pilot.press("down", "down")
        assert app.focused is line(screen, "widths").control
        await pilot.press("up", "enter")  # on data, enter lists what is there
        await until(pilot, lambda: isinstance(app.screen, PickScreen))
        await pilot.press("escape")
        await pilot.press("tab")
        assert app.focused is screen.curves
        await pilot.press("tab")
        assert app.focused is screen.points
        await pilot.press("tab")
        assert app.focused is line(screen, "data").control
        about = str(screen.query_one("#about").content)
        assert about.startswith(line(screen, "data").field.description)
        assert "app.help" not in offered(screen)  # a letter is text here
        await pilot.press("escape")
        assert app.focused is screen.points
        assert "app.help" in offered(screen)
        assert "app.back" not in offered(screen)  # there is nothing to go back to


async def test_keys_that_come_in_one_burst_act_in_their_order() -> None:
    worker = Scripted()
    async with app_with(worker=worker) as (app, pilot):
        screen = await open_quantize(app, pilot)
        screen.set_focus(line(screen, "widths").control)
        before = line(screen, "widths").text
        keys = ["end", *["backspace"] * len(before), *"2,4,", "backspace", "tab", "shift+tab", "5", "up", *"ab"]
        for key in (*keys, "ctrl+r"):
            app.post_message(Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: [what for what, _ in worker.asked if what == "launch"])
        assert line(screen, "widths").text == "5"  # entered again, its text is selected: a letter replaces it
        assert line(screen, "data").text == "ab"
        (asked,) = [values for what, values in worker.asked if what == "launch"]
        assert asked["values"] == {"data": "ab", "widths": "5"}


async def test_choices_are_made_with_arrows_and_space() -> None:
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        line(screen, "modes").control.focus()
        await pilot.press("right", "space")
        assert screen.form.config.modes == ("ptq", "qat")
        assert "18 points" in text_of(screen, "plan")
        await pilot.press("left", "space")
        assert screen.form.config.modes == ("qat",)
        await pilot.press("right", "space")
        assert screen.form.config is None
        assert line(screen, "modes").error


async def test_the_worker_is_asked_whether_model_and_data_can_be_used() -> None:
    objection = "There is no model '/nope'; give a folder, a Hugging Face id or builtin."
    worker = Scripted(check=lambda request: (_ for _ in ()).throw(InputError(objection)) if request["values"] else None)
    async with app_with(worker=worker) as (app, pilot):
        screen = await open_quantize(app, pilot)
        await fill(screen, pilot, "model", "/nope")
        await until(pilot, lambda: objection in text_of(screen, "plan"))
        await fill(screen, pilot, "model", "builtin")
        await until(pilot, lambda: "9 points" in text_of(screen, "plan"))


async def test_ctrl_r_starts_from_any_field_and_shows_the_run() -> None:
    source = MemorySource(run_record("q-0003", age=86400))
    worker = Scripted()
    async with app_with(source=source, worker=worker) as (app, pilot):
        screen = await open_quantize(app, pilot)
        assert screen.shown.record.id == "q-0003"
        await fill(screen, pilot, "widths", "4,8")
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "q-0099" in said(app))
        started = [values for what, values in worker.asked if what == "launch"]
        assert started == [{"experiment": "quantize", "values": {"widths": "4,8"}}]
        source.put(run_record("q-0099", state="running", done=1, age=10))
        await until(pilot, lambda: screen.shown.record is not None and screen.shown.record.id == "q-0099")
        assert "Points of q-0099" in screen_text(app)
        assert presets.load("quantize", presets.LAST) == {"widths": "4,8"}


async def test_ctrl_r_while_a_start_is_under_way_starts_no_second_run() -> None:
    class Slow(Scripted):
        answering = asyncio.Event()

        async def ask(self, what: str, **values: Any) -> Any:
            answer = await super().ask(what, **values)
            if what == "launch":
                await self.answering.wait()
            return answer

    worker = Slow()
    async with app_with(worker=worker) as (app, pilot):
        await open_quantize(app, pilot)
        await pilot.press("ctrl+r", "ctrl+r")
        await pilot.pause()
        assert [what for what, _ in worker.asked].count("launch") == 1
        worker.answering.set()
        await until(pilot, lambda: "q-0099" in said(app))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: [what for what, _ in worker.asked].count("launch") == 2)


async def test_a_refused_start_says_why() -> None:
    worker = Scripted(launch=InputError("The device 'cuda' is not there; the devices are cpu."))
    async with app_with(worker=worker) as (app, pilot):
        screen = await open_quantize(app, pilot)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "The device 'cuda' is not there" in said(app))
        assert "The device 'cuda' is not there" in text_of(screen, "plan")


async def test_a_wrong_form_is_not_started() -> None:
    worker = Scripted()
    async with app_with(worker=worker) as (app, pilot):
        screen = await open_quantize(app, pilot)
        await fill(screen, pilot, "batch_size", "0")
        line(screen, "model").control.focus()
        await pilot.press("ctrl+r")
        assert app.focused is line(screen, "batch_size").control
        assert not [what for what, _ in worker.asked if what == "launch"]


async def test_the_newest_point_is_followed() -> None:
    source = MemorySource(run_record("q-0007", state="running", done=2, age=400))
    async with app_with(source=source) as (app, pilot):
        screen = await open_quantize(app, pilot)
        source.put(run_record("q-0007", state="running", done=4, age=400))
        await until(pilot, lambda: screen.points.key == "3")
        screen.points.focus()
        await pilot.press("f", "g")
        source.put(run_record("q-0007", state="running", done=5, age=400))
        await until(pilot, lambda: screen.shown.record.done == 5)
        assert screen.points.key == "0"


async def test_time_is_estimated_from_past_runs() -> None:
    """Twenty seconds a point, as recorded; nothing is promised where no run is alike."""
    alike = {"max_length": 256, "batch_size": 64, "eval_samples": None, "qat_steps": None, "qat_epochs": None}
    async with app_with(run_record("q-0003", age=86400, config=alike)) as (app, pilot):
        screen = await open_quantize(app, pilot)
        await until(pilot, lambda: "about 3m 00s" in text_of(screen, "plan"))
        await fill(screen, pilot, "max_length", "64")
        assert "time unknown" in text_of(screen, "plan")


async def test_presets_are_saved_and_come_back() -> None:
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        await fill(screen, pilot, "widths", "4")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.screen is not screen)
        await pilot.press(*"four", "enter")
        await until(pilot, lambda: "four" in presets.names("quantize"))
        await fill(screen, pilot, "widths", "8")
        screen.curves.focus()
        await pilot.press("P")
        await until(pilot, lambda: isinstance(app.screen, PickScreen))
        await pilot.press("f", "enter")
        await until(pilot, lambda: screen.form.config.widths == (4,))


async def test_a_model_is_picked_by_a_few_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models" / "tiny").mkdir(parents=True)
    (tmp_path / "models" / "tiny" / "config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    async with app_with(run_record("q-0003", age=86400, config={"model": "some/model"})) as (app, pilot):
        screen = await open_quantize(app, pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PickScreen))
        offered = {row.key for row in app.screen._table.rows}  # type: ignore[attr-defined]
        assert {"builtin", "some/model", "models/tiny", sources.KNOWN["model"].value} <= offered
        await pilot.press(*"mtiny", "enter")
        await until(pilot, lambda: screen.form.config.model.endswith("models/tiny"))
        assert app.focused is line(screen, "model").control


async def test_what_is_typed_can_be_taken_and_folders_are_listed(tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text("text,label\n")
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, PickScreen))
        app.screen.query_one(Input).value = f"{tmp_path}/rev"
        await until(pilot, lambda: app.screen._table.key == f"{tmp_path}/reviews.csv")  # type: ignore[attr-defined]
        app.screen.query_one(Input).value = "not/there"
        await until(pilot, lambda: app.screen._table.key == "not/there")  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: screen.form.config.data.endswith("not/there"))


async def test_the_editor_gets_toml_and_gives_it_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import nullcontext

    script = tmp_path / "editor"
    script.write_text(f'#!/bin/sh\ncp "$1" {tmp_path}/before.toml\nprintf \'widths = "3,5"\\nwidhts = 8\' > "$1"\n')
    script.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(script))
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        monkeypatch.setattr(app, "suspend", nullcontext)
        await pilot.press("ctrl+o")
        await until(pilot, lambda: screen.form.config.widths == (3, 5))
        assert "# seed = 0" in (tmp_path / "before.toml").read_text()
        assert "Left out: there is no setting widhts." in said(app)


async def test_a_key_that_does_nothing_on_one_page_does_nothing_on_the_next() -> None:
    async with app_with(live()) as (app, pilot):
        screen = await open_quantize(app, pilot)
        screen.set_focus(line(screen, "data").control)
        await pilot.press("end", "escape")
        assert app.focused is screen.points
        for key in (*["backspace"] * 20, "shift+tab", "shift+tab"):
            app.post_message(Key(key, None))
        await until(pilot, lambda: app.focused is line(screen, "data").control)
        await pilot.pause()
        assert line(screen, "data").text == "builtin"


async def test_f1_explains_the_setting_in_focus_with_its_keys() -> None:
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        screen.set_focus(line(screen, "modes").control)
        await pilot.press("f1")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        assert "space chooses" in screen_text(app)
        assert line(screen, "modes").field.description.split(".")[0] in " ".join(screen_text(app).split())


async def test_choices_take_as_many_lines_as_they_need() -> None:
    async with app_with() as (app, pilot):
        await app.switch_mode("profile")
        await until(pilot, lambda: app.screen.query("Form"))
        screen: Any = app.screen
        await until(pilot, lambda: line(screen, "study").control.size.height > 1)
        assert all(f") {study}" in screen_text(app) for study in ("compile", "attention", "mxint8", "memory", "step"))
        await pilot.resize_terminal(200, 40)
        await until(pilot, lambda: line(screen, "study").control.size.height < 5)


async def test_a_run_of_another_time_fills_the_form() -> None:
    async with app_with() as (app, pilot):
        app.open_experiment("quantize", {"widths": [4, 6], "modes": ["qat"], "fraction": 3, "gone": "setting"})
        await until(pilot, lambda: app.screen.query("Form") and app.screen.form.config is not None)  # type: ignore[attr-defined]
        await until(pilot, lambda: app.screen.form.config.widths == (4, 6))  # type: ignore[attr-defined]
        config = app.screen.form.config  # type: ignore[attr-defined]
        assert (config.modes, config.fraction) == (("qat",), 3)
        app.open_experiment("quantize", {"widths": [8]})
        await until(pilot, lambda: app.screen.form.config.widths == (8,))  # type: ignore[attr-defined]


async def test_y_copies_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        await fill(screen, pilot, "widths", "4")
        copied: list[str] = []
        monkeypatch.setattr(app, "copy", copied.append)
        screen.curves.focus()
        await pilot.press("y")
        assert copied == ["labtui run quantize --set widths=4"]


async def test_enter_on_a_point_opens_it() -> None:
    from tui_app.screens.point import PointScreen

    async with app_with(live()) as (app, pilot):
        screen = await open_quantize(app, pilot)
        screen.points.focus()
        await pilot.press("g", "j", "enter")
        await until(pilot, lambda: isinstance(app.screen, PointScreen))
        await pilot.press("escape")
        await settled(app, pilot)
        assert app.screen is screen
