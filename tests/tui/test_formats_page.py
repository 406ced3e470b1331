"""The Formats page: widths and families by key, bits, layers, comparing, errors, what leaves by key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.events import Key
from textual.pilot import Pilot

from engine.errors import InputError
from tests.tui.driving import check_snapshot, screen_text, until
from tests.tui.inspected import NAMES, inspecting
from tests.tui.pages import Scripted, app_with, said
from tests.tui.recorded import run_record
from tests.tui.test_gallery import SIZES, fits
from tui_app.app import LabApp
from tui_app.screens.formats import asking
from tui_app.screens.pickers import PickScreen
from tui_app.widgets.formatplot import columns_in


def idle(screen: Any) -> bool:
    """Everything that is wanted has come."""
    return not screen.asking.busy and bool(screen.asking.rows) and screen.asking.shown is not None


@asynccontextmanager
async def formats(
    worker: Scripted | None = None, size: tuple[int, int] = (80, 24), plain: bool = False, **settings: Any
) -> AsyncIterator[tuple[LabApp, Pilot[None], Any]]:
    """The page, once it has asked for everything."""
    record = run_record("q-0001", config=settings)
    async with app_with(record, size=size, plain=plain, worker=worker or inspecting()) as (app, pilot):
        await pilot.press("7")
        await until(pilot, lambda: getattr(app.screen, "TAB", "") == "formats" and idle(app.screen))
        yield app, pilot, app.screen


async def press(pilot: Pilot[None], screen: Any, *keys: str) -> None:
    await pilot.press(*keys)
    await until(pilot, lambda: idle(screen))


async def test_it_opens_on_the_newest_runs_model_and_its_first_linear_layer() -> None:
    async with formats(model="some/model") as (app, _, screen):
        assert screen.asking.model == "some/model"
        assert screen.spot.layer == NAMES[1]
        assert "query 128x128" in screen_text(app)
        assert "as fixed(4,5)" in screen_text(app)
        assert screen.lab.interactive.asked[0] == ("format_model", {"model": "some/model"})


async def test_plus_and_minus_change_the_width_and_draw_again() -> None:
    async with formats() as (app, pilot, screen):
        before = screen_text(app)
        await press(pilot, screen, "plus")
        assert screen.sides.first.spec == "fixed(5)"
        assert screen.sides.first.field.value == "fixed(5)"
        assert screen.asking.shown["formats"][0]["spec"] == screen.asking.table_spec == "fixed(5)"
        assert screen_text(app) != before
        await press(pilot, screen, "minus", "minus", "minus", "minus", "minus")
        assert screen.sides.first.spec == "fixed(2)"
        assert "fixed(2) does not get narrower" in said(app)


async def test_families_come_back_as_they_were_left() -> None:
    async with formats() as (_, pilot, screen):
        await press(pilot, screen, "plus", "f")
        assert screen.sides.first.spec == "minifloat(4,3)"
        await press(pilot, screen, ".")
        assert screen.sides.first.spec == "minifloat(5,3)"
        await press(pilot, screen, "F")
        assert screen.sides.first.spec == "fixed(5)"
        await press(pilot, screen, "f")
        assert screen.sides.first.spec == "minifloat(5,3)"
        await press(pilot, screen, "comma", "comma")
        assert screen.sides.first.spec == "minifloat(3,3)"


async def test_a_wrong_spec_is_explained_below_the_field_and_the_last_good_one_stays() -> None:
    async with formats() as (app, pilot, screen):
        await pilot.press("s")
        assert app.focused is screen.sides.first.field
        await pilot.press("ctrl+u", *"fixed(8,")
        await pilot.pause()
        text = screen_text(app)
        assert "'fixed(8,', position 9: an integer is expected here" in text
        assert "write for example fixed(8,4)" in " ".join(text.replace("┃", " ").split())
        assert screen.sides.first.spec == "fixed(4)"
        await press(pilot, screen, "6", ")", "enter")
        assert screen.sides.first.spec == "fixed(8,6)"
        assert "position" not in screen_text(app)
        assert app.focused is screen.sides.first.plot


async def test_escape_leaves_the_field_first() -> None:
    async with formats() as (app, pilot, screen):
        await pilot.press("s", "escape")
        assert app.focused is screen.sides.first.plot
        assert app.screen is screen


async def test_what_names_no_format_keeps_the_field_and_escape_takes_it_back() -> None:
    async with formats() as (app, pilot, screen):
        await pilot.press("s", "x", "enter")
        assert app.focused is screen.sides.first.field
        assert "position" in screen_text(app)
        await pilot.press("escape")
        assert screen.sides.first.field.value == screen.sides.first.spec == "fixed(4)"
        assert "position" not in screen_text(app)


async def test_nothing_of_a_model_stays_beside_the_name_of_one_that_cannot_be_loaded() -> None:
    worker = inspecting()
    async with formats(worker) as (app, pilot, screen):
        worker.answers["format_model"] = InputError("nowhere does not exist; name a folder that does.")
        screen.asking.open_model("nowhere")
        await until(pilot, lambda: "nowhere does not exist" in screen_text(app))
        text = screen_text(app)
        assert "nowhere ━" in text
        assert "query" not in text
        assert "as fixed" not in text
        assert not screen.showing.table.rows


async def test_arrows_walk_over_bars_that_hold_weights_and_n_over_the_weights_in_one() -> None:
    async with formats() as (app, pilot, screen):
        place = screen.spot.column
        await press(pilot, screen, "right", "right", "left")
        assert screen.spot.column == place + 1
        await press(pilot, screen, *["right"] * 24)
        assert screen.spot.column == max(i for i, count in enumerate(screen.asking.shown["counts"]) if count)
        await press(pilot, screen, "n", "n", "N", "n")
        assert screen.asking.told["place"] == 2
        assert "row 3, column 17, 3 of 41" in screen_text(app)
        await press(pilot, screen, "left", "N")
        assert screen.asking.told["place"] == 40


async def test_a_click_picks_a_bar() -> None:
    async with formats() as (_, pilot, screen):
        await pilot.click(screen.sides.first.plot, offset=(20, 3))
        await until(pilot, lambda: idle(screen))
        assert screen.spot.column == 19


async def test_a_second_format_stands_beside_and_keys_act_on_the_one_with_the_focus() -> None:
    async with formats() as (app, pilot, screen):
        await press(pilot, screen, "c")
        assert [one["spec"] for one in screen.asking.shown["formats"]] == ["fixed(4)", "mxfp4"]
        assert len(screen.asking.shown["counts"]) == columns_in(screen.sides.second.plot.size.width)
        screen.sides.second.plot.focus()
        await press(pilot, screen, "plus")
        assert (screen.sides.first.spec, screen.sides.second.spec) == ("fixed(4)", "nvfp4")
        assert screen.asking.table_spec == "nvfp4"
        await press(pilot, screen, "c")
        assert not screen.sides.second.is_on_screen
        assert app.focused is not None
        await press(pilot, screen, "plus")
        assert screen.sides.first.spec == "fixed(5)"


async def test_moving_in_the_table_chooses_the_layer() -> None:
    async with formats() as (_, pilot, screen):
        assert [row.key for row in screen.showing.table.rows] == NAMES[::-1]  # the noisiest first
        assert screen.showing.table.key == screen.spot.layer
        screen.showing.table.focus()
        await press(pilot, screen, "g")
        assert screen.spot.layer == "classifier"
        assert screen.asking.shown["shape"] == [2, 128]
        await press(pilot, screen, "plus")
        assert screen.showing.table.key == "classifier"


async def test_the_table_is_asked_for_in_parts_and_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "AT_ONCE", 40_000)
    async with formats() as (_, _, screen):
        parts = [values["names"] for what, values in screen.lab.interactive.asked if what == "format_layers"]
        assert parts == [NAMES[:1], NAMES[1:3], NAMES[3:5], NAMES[5:]]
        assert [one["name"] for one in screen.asking.rows] == NAMES


async def test_keys_that_come_faster_than_answers_do_not_queue_up() -> None:
    async with formats() as (_, pilot, screen):
        screen.lab.interactive.asked.clear()
        for _ in range(8):
            screen.action_formats_wider()
        await until(pilot, lambda: idle(screen))
        asked = [values["specs"] for what, values in screen.lab.interactive.asked if what == "format_layer"]
        assert asked[-1] == ["fixed(12)"]
        assert len(asked) < 4


async def test_a_model_that_cannot_be_loaded_is_said_and_another_can_be_taken() -> None:
    worker = inspecting()
    worker.answers["format_model"] = InputError("nowhere does not exist; name a folder that does.")
    record = run_record("q-0001", config={"model": "nowhere"})
    async with app_with(record, worker=worker) as (app, pilot):
        await pilot.press("7")
        await until(pilot, lambda: "nowhere does not exist" in screen_text(app))
        for key in ("plus", "right", "n", "e", "y", "c"):
            await pilot.press(key)
        assert "nothing to export" in said(app)
        worker.answers = inspecting().answers
        screen: Any = app.screen
        screen.asking.open_model("builtin")
        await until(pilot, lambda: idle(screen))
        assert "nowhere" not in screen_text(app)


async def test_the_builtin_model_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "AGAIN", 0.0)
    worker = inspecting()
    known = worker.answers["format_model"]
    answers = iter([None, None, None])
    seen: list[str] = []

    def model(request: dict[str, Any]) -> Any:
        seen.append(screen_text(app))
        return next(answers, None) if len(seen) < 4 else known(request)

    worker.answers["format_model"] = model
    async with app_with(run_record("q-0001"), worker=worker) as (app, pilot):
        await pilot.press("7")
        await until(pilot, lambda: getattr(app.screen, "TAB", "") == "formats" and idle(app.screen))
    assert len(seen) == 4


async def test_an_answer_about_a_model_that_was_left_is_not_shown() -> None:
    async with formats() as (_, pilot, screen):
        screen.asking.wake()
        screen.sides.first.take("fixed(9)")
        screen.asking.open_model("other")
        await until(pilot, lambda: idle(screen))
        assert screen.asking.model == "other"
        assert screen.asking.table_spec == "fixed(9)"


async def test_a_failure_of_a_model_that_was_left_does_not_stop_the_next() -> None:
    worker = inspecting()
    known = worker.answers["format_model"]

    def model(request: dict[str, Any]) -> Any:
        if request["model"] == "slow":
            screen.asking.open_model("quick")
            raise InputError("slow is no model.")
        return known(request)

    async with formats(worker) as (app, pilot, screen):
        worker.answers["format_model"] = model
        screen.asking.open_model("slow")
        await until(pilot, lambda: screen.asking.model == "quick" and idle(screen))
        assert "slow" not in screen_text(app)


async def test_r_opens_quantize_with_the_formats_and_a_opens_sensitivity() -> None:
    async with formats(model="some/model", data="some/data") as (app, pilot, screen):
        await press(pilot, screen, "c")
        await pilot.press("r")
        await until(pilot, lambda: getattr(app.screen, "TAB", "") == "quantize" and app.screen.query("Form"))
        quantize: Any = app.screen
        await until(pilot, lambda: "formats" in quantize.form.changed)
        expected = {"model": "some/model", "data": "some/data", "formats": "fixed(4),mxfp4"}
        assert quantize.form.changed == expected
        await app.switch_mode("formats")
        await pilot.press("a")
        await until(pilot, lambda: app.screen.query("Form") and app.screen is not quantize)
        sensitivity: Any = app.screen
        await until(pilot, lambda: "formats" in sensitivity.form.changed)
        assert sensitivity.form.changed == expected


async def test_what_is_shown_can_be_exported_and_copied() -> None:
    async with formats() as (app, pilot, screen):
        await press(pilot, screen, "c")
        exports = screen.exports()
        assert exports.stem.isascii()
        assert "/" not in exports.stem
        (figure,) = exports.figures
        assert [series.name for series in figure.series] == ["weights", "fixed(4,5): values", "mxfp4: values"]
        assert sum(figure.series[0].y) == pytest.approx(1)
        assert figure.series[1].x == tuple(0.0625 * x for x in range(-4, 5))
        assert all(abs(x) < screen.asking.shown["limit"] for x in figure.series[2].x)
        assert exports.table.headers[:2] == ("layer", "format")
        assert len(exports.table.rows) == len(NAMES)
        await pilot.press("y")
        assert "fixed(4) as fixed(4,5): SQNR" in app.clipboard
        assert "exponent" in app.clipboard


@pytest.mark.parametrize("size", SIZES)
async def test_looks(size: str) -> None:
    async with formats(size=SIZES[size]) as (app, pilot, screen):
        fits(app, *SIZES[size])
        check_snapshot(app, f"formats-{size}")
        await press(pilot, screen, "c", "right")
        fits(app, *SIZES[size])
        check_snapshot(app, f"formats-beside-{size}")


async def test_everything_in_ascii() -> None:
    async with formats(plain=True) as (app, pilot, screen):
        await press(pilot, screen, "c")
        check_snapshot(app, "formats-ascii-80x24")
        assert screen_text(app).isascii()
        await pilot.press("s", "ctrl+u", "x")
        await pilot.pause()
        assert screen_text(app).isascii()


async def test_resizing_keeps_the_page_whole() -> None:
    async with formats() as (app, pilot, screen):
        await press(pilot, screen, "c")
        for size in ((60, 20), (200, 50), (30, 10), (12, 5), (80, 24)):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda: idle(screen))
            fits(app, *size)
        assert len(screen.asking.shown["counts"]) == columns_in(screen.sides.first.plot.size.width)


async def test_the_picker_takes_another_model() -> None:
    async with formats() as (app, pilot, screen):
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, PickScreen))
        await pilot.press(*"elsewhere", "enter")
        await until(pilot, lambda: app.screen is screen and screen.asking.model == "elsewhere" and idle(screen))


async def test_a_format_typed_over_another_replaces_it() -> None:
    """+ f f s fixed(99) gave minifloafixed(99)t_ieee(5,2)."""
    async with formats() as (app, pilot, screen):
        for key in ("plus", "f", "f", "s", *"fixed(6)"):
            app.post_message(Key(key, "+" if key == "plus" else key if len(key) == 1 else None))
        app.simulate_key("enter")
        await until(pilot, lambda: screen.sides.first.spec == "fixed(6)" and app.focused is screen.sides.first.plot)
        assert screen.sides.first.field.value == "fixed(6)"
