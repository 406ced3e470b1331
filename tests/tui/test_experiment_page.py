"""The Quantize page: typing, errors, the plan, presets, pickers, launching, following."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from textual.events import AppBlur, AppFocus, Key, Paste
from textual.pilot import Pilot
from textual.widgets import Input, Static

from engine.errors import InputError
from tests.tui import inspected
from tests.tui.driving import screen_text, until
from tests.tui.pages import Scripted, app_with, live, offered, open_quantize, said, settled
from tests.tui.recorded import MemorySource, run_record
from tui_app import presets
from tui_app.screens import source_options
from tui_app.screens.experiment.planning import CHECK_SECONDS
from tui_app.screens.pickers import PickScreen
from tui_app.widgets.lineinput import LONGEST


def text_of(screen: Any, name: str) -> str:
    return str(screen.query_one(f"#{name}", Static).content)


def line(screen: Any, name: str) -> Any:
    return screen.form.query_one(f"#line-{name}")


async def fill(screen: Any, pilot: Pilot[None], name: str, text: str) -> None:
    edit(screen, name)
    await pilot.press(*text, "enter")
    await pilot.pause()


def edit(screen: Any, name: str) -> None:
    screen.form.focus()
    screen.form.go_to(line(screen, name))
    screen.form.action_form_edit()


async def test_the_form_has_the_focus_and_says_what_would_run() -> None:
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        assert app.focused is screen.form
        assert screen.form.row is line(screen, "model")
        assert "9 points" in text_of(screen, "plan")
        assert text_of(screen, "command") == "labtui run quantize"
        await fill(screen, pilot, "widths", "2-8:2")
        assert "4 points" in text_of(screen, "plan")
        assert text_of(screen, "command") == "labtui run quantize --set widths=2-8:2"


async def test_errors_stand_under_the_field_while_typing() -> None:
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        edit(screen, "widths")
        await pilot.press(*"4,x")
        widths = line(screen, "widths")
        assert widths.error.startswith("widths: 'x' is not a whole number")
        assert screen.form.query_one(".error").region.y == widths.region.bottom
        assert "Fix: " in text_of(screen, "plan")
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
        assert screen.form.row is line(screen, "widths")
        await pilot.press("up", "enter")  # on data, enter lists what is there
        await until(pilot, lambda: isinstance(app.screen, PickScreen))
        await pilot.press("escape")
        await pilot.press("tab")
        assert app.focused is screen.curves
        await pilot.press("tab")
        assert app.focused is screen.points
        await pilot.press("tab", "tab")  # past what the run says
        assert app.focused is screen.form
        assert screen.form.row is line(screen, "data")
        about = str(screen.query_one("#about").content)
        assert about.startswith(line(screen, "data").field.description)
        assert "app.help" in offered(screen)
        assert "app.back" not in offered(screen)  # there is nothing to go back to
        await pilot.press("i")
        assert "app.help" not in offered(screen)  # a letter is text here
        assert "app.back" in offered(screen)
        await pilot.press("tab")
        assert app.focused is screen.curves
        assert not screen.form.editing


async def test_keys_that_come_in_one_burst_act_in_their_order() -> None:
    worker = Scripted()
    async with app_with(worker=worker) as (app, pilot):
        screen = await open_quantize(app, pilot)
        before = line(screen, "widths").text
        keys = ["down", "down", "i", "end", *["backspace"] * len(before), *"2,4,", "backspace", "tab", "shift+tab"]
        keys += ["enter", "5", "up", "i", *"ab"]
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
        screen.form.go_to(line(screen, "modes"))
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


async def test_the_plan_says_what_is_read_and_used() -> None:
    said = [
        "600 rows read (text, label), 500 used: 400 train, 50 validation, 50 test",
        "m gets a new head of 3 classes",
    ]
    worker = Scripted(check=lambda request: said if request["values"] else None)
    async with app_with(worker=worker) as (app, pilot):
        screen = await open_quantize(app, pilot)
        await fill(screen, pilot, "widths", "4,8")
        await until(pilot, lambda: all(sentence in text_of(screen, "plan") for sentence in said))
        assert "2 points" in text_of(screen, "plan")


async def test_a_page_that_is_shown_again_is_checked_again_and_one_that_was_left_is_not() -> None:
    worker = Scripted()
    async with app_with(worker=worker) as (app, pilot):

        def checks() -> int:
            return sum(what == "check" for what, _ in worker.asked)

        screen = await open_quantize(app, pilot)
        await until(pilot, lambda: checks() == 1)
        await fill(screen, pilot, "widths", "4,8")
        await app.switch_mode("home")
        before = checks()  # one more where typing took longer than a check waits
        await pilot.pause(2 * CHECK_SECONDS)
        assert checks() == before
        await app.switch_mode("quantize")
        await until(pilot, lambda: checks() == before + 1)
        assert worker.asked[-1] == ("check", {"experiment": "quantize", "values": {"widths": "4,8"}})


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
        screen.form.go_to(line(screen, "model"))
        await pilot.press("ctrl+r")
        assert screen.form.row is line(screen, "batch_size")
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


async def test_without_presets_the_key_says_how_to_make_one() -> None:
    """It opened an empty list in which nothing matched."""
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        await pilot.press("P")
        await until(pilot, lambda: "There are no presets yet" in said(app))
        assert app.screen is screen
        assert "Edit as TOML  ^o" in {command.title for command in app.get_system_commands(screen)}


async def test_a_model_is_picked_by_a_few_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models" / "tiny").mkdir(parents=True)
    (tmp_path / "models" / "tiny" / "config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    async with app_with(run_record("q-0003", age=86400, config={"model": "some/model"})) as (app, pilot):
        screen = await open_quantize(app, pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PickScreen) and app.screen._load is None)
        offered = {row.key for row in app.screen._table.rows}  # type: ignore[attr-defined]
        assert {"builtin", "some/model", "models/tiny", source_options.KNOWN["model"].value} <= offered
        await pilot.press(*"mtiny", "enter")
        await until(pilot, lambda: screen.form.config.model.endswith("models/tiny"))
        assert app.focused is screen.form


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
        edit(screen, "data")
        screen.points.focus()
        for key in (*["backspace"] * 20, "shift+tab", "shift+tab"):
            app.post_message(Key(key, None))
        await until(pilot, lambda: app.focused is screen.form)
        await pilot.pause()
        assert line(screen, "data").text == "builtin"


async def test_f1_explains_the_setting_in_focus_with_its_keys() -> None:
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        screen.form.go_to(line(screen, "modes"))
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


# A form is a list of rows


@pytest.mark.parametrize("key", ["1", "4", "question_mark", "colon"])
async def test_keys_work_at_once_on_a_page_that_was_opened(key: str) -> None:
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        await pilot.press(key)
        await until(pilot, lambda: app.screen is not screen)
        assert line(screen, "model").text == "builtin"


async def test_looking_round_with_digits_leaves_no_text_behind() -> None:
    async with app_with() as (app, pilot):
        for key in "34563456":
            app.simulate_key(key)
        await until(pilot, lambda: app.current_mode == "profile" and app.screen.is_mounted)
        for name in ("quantize", "prune", "search", "profile"):
            await app.switch_mode(name)
            assert all(row.text == row.field.default for row in app.screen.form.lines)  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_a_burst_of_arrows_moves_as_many_rows(size: tuple[int, int]) -> None:
    async with app_with(live(), size=size) as (app, pilot):
        screen = await open_quantize(app, pilot)
        shown = [row for row in screen.form.lines if row.display]
        for keys in (["down"] * 7, ["up"] * 3, ["j"] * 4, ["down", "up"] * 9, ["k"] * 2):
            before = shown.index(screen.form.row)
            for key in keys:
                app.simulate_key(key)
            after = before + sum(1 if key in ("down", "j") else -1 for key in keys)
            app.simulate_key("f1")
            await until(pilot, lambda: len(app.screen_stack) == 2)
            assert screen.form.row is shown[after]
            await pilot.press("escape")
        for _ in range(30):
            app.simulate_key("down")
        await until(pilot, lambda: screen.form.row is shown[-1])
        assert screen.form.row.region.bottom <= screen.form.query_one("#lines").region.bottom


async def test_enter_edits_the_row_with_everything_selected_and_escape_restores_it() -> None:
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        widths = line(screen, "widths")
        before = widths.text
        await pilot.press("j", "j", "enter", *"5?:")
        assert widths.text == "5?:"  # text and nothing else
        assert "3 of" not in screen_text(app)
        await pilot.press("escape")
        assert widths.text == before
        assert app.focused is screen.form
        assert "9 points" in text_of(screen, "plan")
        await pilot.press("i", "8", "enter")
        assert widths.text == "8"
        assert "1 point" in text_of(screen, "plan")
        await pilot.press("enter", *"6", "down")  # an arrow keeps the text and goes on
        assert widths.text == "6"
        assert screen.form.row is line(screen, "fraction")


async def test_ctrl_r_in_a_row_that_is_edited_takes_its_text() -> None:
    worker = Scripted()
    async with app_with(worker=worker) as (app, pilot):
        screen = await open_quantize(app, pilot)
        for key in ("down", "down", "enter", "7", "ctrl+r"):
            app.simulate_key(key) if len(key) > 1 else app.post_message(Key(key, key))
        await until(pilot, lambda: "q-0099" in said(app))
        assert [values["values"] for what, values in worker.asked if what == "launch"] == [{"widths": "7"}]
        assert app.focused is screen.form  # what starts takes no keys away


async def test_one_choice_is_stepped_with_arrows_and_space() -> None:
    async with app_with() as (app, pilot):
        await app.switch_mode("profile")
        await until(pilot, lambda: app.screen.query("Form"))
        screen: Any = app.screen
        await settled(app, pilot)
        study = line(screen, "study")
        screen.form.go_to(study)
        seen = [study.text]
        for key in ("right", "left", "space", "enter", *["space"] * (len(study.field.choices) - 2)):
            await pilot.press(key)
            seen.append(study.text)
        a, b, c, *_ = study.field.choices
        assert seen[:5] == [a, b, a, b, c]
        assert seen[-1] == a  # after the last comes the first


async def test_a_filled_field_holds_nothing_of_the_old_cursor() -> None:
    """Typed over a prefilled model: run:q-0003003."""
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        model = line(screen, "model")
        edit(screen, "model")
        await pilot.press("home")
        screen.form.set_text("model", "run:q-0003")
        edit(screen, "model")
        assert model.control.selected_text == "run:q-0003"
        model.control.value = "org/longer-name"  # whoever changes it
        assert (model.control.selected_text, model.control.cursor_position) == ("", 15)
        await pilot.press("ctrl+u", "x")
        assert model.text == "x"


async def test_a_click_goes_to_a_row_and_a_second_one_edits_it() -> None:
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        await pilot.click("#line-widths", offset=(20, 0))
        assert screen.form.row is line(screen, "widths")
        assert not screen.form.editing
        await pilot.click("#line-widths", offset=(20, 0))
        assert screen.form.editing
        await pilot.press("8")
        await pilot.click("#line-model", offset=(2, 0))
        assert (line(screen, "widths").text, screen.form.editing) == ("8", False)


async def test_a_terminal_behind_another_window_ends_no_editing() -> None:
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        edit(screen, "widths")
        await pilot.press("8")
        app.post_message(AppBlur())
        await until(pilot, lambda: app.focused is None)
        app.post_message(AppFocus())
        await until(pilot, lambda: app.focused is line(screen, "widths").control)
        await pilot.press("9", "enter")
        assert line(screen, "widths").text == "89"


async def test_pasted_text_keeps_its_place_among_the_keys() -> None:
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        app.simulate_key("i")
        app.post_message(Paste("/some/model\nand more"))
        for key in ("enter", "down", "down"):
            app.simulate_key(key)
        await until(pilot, lambda: screen.form.row is line(screen, "widths"))
        assert line(screen, "model").text == "/some/model"
        app.post_message(Paste("345"))  # keys are keys here, and pasted text is none
        await pilot.pause()
        assert app.screen is screen


async def test_pasted_text_has_a_bound() -> None:
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        edit(screen, "model")
        app.post_message(Paste("x" * 1_000_000))
        await until(pilot, lambda: "A field holds" in said(app))
        assert line(screen, "model").text == "x" * LONGEST


# Pickers


async def picking(app: Any, pilot: Pilot[None], *keys: str) -> PickScreen:
    """The picker of the row under the cursor, once everything is there."""
    await pilot.press("enter", *keys)
    await until(pilot, lambda: isinstance(app.screen, PickScreen) and app.screen._load is None)
    screen: PickScreen = app.screen
    return screen


def listed(picker: PickScreen) -> list[str]:
    return [row.key for row in picker._table.rows]


async def test_a_folder_that_is_no_model_is_gone_into_and_never_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work" / "tiny").mkdir(parents=True)
    (tmp_path / "work" / "tiny" / "config.json").write_text("{}")
    (tmp_path / "work" / "notes.txt").write_text("")
    (tmp_path / "here" / "sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        picker = await picking(app, pilot)
        assert "sub/" in listed(picker)  # without a letter typed
        await pilot.press(*"../work", "enter")
        assert app.screen is picker
        assert listed(picker) == ["../work/tiny", "../work/"]
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen)
        assert line(screen, "model").text == "../work/tiny"


async def test_tab_takes_the_entry_into_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "somewhere" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    async with app_with() as (app, pilot):
        await open_quantize(app, pilot)
        picker = await picking(app, pilot, *"some", "tab")
        assert picker.query_one(Input).value == "somewhere/"
        assert "somewhere/deep/" in listed(picker)
        await pilot.press("tab", "x")
        assert picker.query_one(Input).value == "somewhere/deep/x"


async def test_letters_and_enter_before_the_list_is_there_are_not_taken_literally(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models" / "tiny").mkdir(parents=True)
    (tmp_path / "models" / "tiny" / "config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    async with app_with() as (app, pilot):
        screen = await open_quantize(app, pilot)
        for key in ("enter", *"tiny", "enter"):
            app.post_message(Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: line(screen, "model").text == "models/tiny")


async def test_keys_after_the_one_that_opens_a_picker_are_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the looking round takes: x would cancel a run, 2 open another page."""
    started, go_on = threading.Event(), threading.Event()

    def slow(*_: Any) -> list[source_options.Option]:
        started.set()
        go_on.wait(10)
        return [source_options.Option("xx2")]

    monkeypatch.setattr(source_options, "at_hand", slow)
    async with app_with(live()) as (app, pilot):
        screen = await open_quantize(app, pilot)
        for key in ("enter", *"xx2"):
            app.post_message(Key(key, key if len(key) == 1 else None))
        await until(pilot, started.is_set)
        await until(pilot, lambda: app.screen.query_one(Input).value == "xx2")
        assert "Press again" not in said(app)
        go_on.set()
        await pilot.press("enter")
        await until(pilot, lambda: line(screen, "model").text == "xx2")


async def test_a_deleted_folder_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    async with app_with() as (app, pilot):
        await open_quantize(app, pilot)
        picker = await picking(app, pilot)
        assert "builtin" in listed(picker)


# Before the first run


async def test_before_the_first_run_the_form_shows_its_points() -> None:
    async with app_with(size=(140, 40)) as (app, pilot):
        screen = await open_quantize(app, pilot)
        await until(pilot, lambda: "What it will do" in screen_text(app))
        rows = [row.cells[0] for row in screen.preview.table.rows]
        assert [str(cell) for cell in rows][:3] == ["fixed(2)", "fixed(3)", "fixed(4)"]
        await fill(screen, pilot, "widths", "6")
        assert [str(row.cells[0]) for row in screen.preview.table.rows] == ["fixed(6)"]
        await until(pilot, lambda: "1 point" in screen_text(app).splitlines()[-3])
        await fill(screen, pilot, "widths", "x")
        assert not screen.preview.table.rows
        assert "point" not in str(screen.preview.parent.border_subtitle)


async def test_a_formats_grid_is_drawn_on_a_layer_and_follows_the_cursor() -> None:
    def sample(values: dict[str, Any]) -> dict[str, Any]:
        columns = values["columns"]
        answer = inspected.layer({"model": "builtin", "layer": "classifier", "specs": [values["spec"]]} | values)
        return {"name": "classifier", **answer, "columns": columns}

    worker = Scripted(format_sample=sample)
    async with app_with(size=(140, 40), worker=worker) as (app, pilot):
        await open_quantize(app, pilot)
        await until(pilot, lambda: "fixed(2) on classifier" in screen_text(app))
        assert "SQNR" in screen_text(app)
        await pilot.press("tab", "j")
        await until(pilot, lambda: "fixed(3) on classifier" in screen_text(app))


async def test_where_a_layer_costs_time_only_the_points_are_shown() -> None:
    worker = Scripted(format_sample=InputError("no such model"))
    async with app_with(size=(140, 40), worker=worker) as (app, pilot):
        screen = await open_quantize(app, pilot)
        await until(pilot, lambda: any(what == "format_sample" for what, _ in worker.asked))
        await settled(app, pilot)
        assert screen.preview.has_class("-plain")
        assert "no such model" not in said(app)


async def test_once_a_run_has_started_its_figure_takes_the_place_of_the_plan() -> None:
    source = MemorySource()
    async with app_with(source=source) as (app, pilot):
        screen = await open_quantize(app, pilot)
        await pilot.press("tab")
        assert app.focused is screen.preview.table
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "q-0099" in said(app))
        source.put(run_record("q-0099", state="running", done=1, age=10))
        await until(pilot, lambda: screen.shown.record is not None)
        assert app.focused is screen.form
        assert not screen.query_one("#planned").display
