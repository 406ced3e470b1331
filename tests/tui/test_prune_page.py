"""Starting experiments from Home and from the model picker, and where the Prune page starts from."""

from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot

from engine.experiments import registry, results
from engine.runtime.records import RunRecord
from engine.runtime.runs import read_run
from tests.tui.driving import check_snapshot, screen_text, until
from tests.tui.pages import Scripted, app_with, said, settled
from tests.tui.recorded import MemorySource, run_record, write_run
from tests.tui.test_gallery import SIZES, fits
from tests.tui.trained import pruned, tuned
from tui_app.app import LabApp
from tui_app.runs.source import Disk
from tui_app.screens.pickers import PickScreen

SOURCE = {"model": "builtin", "data": "reviews", "max_length": 64}


async def open_prune(app: LabApp, pilot: Pilot[None]) -> Any:
    await app.switch_mode("prune")
    await until(pilot, lambda: app.screen.query("Form") and app.screen.form.lines)  # type: ignore[attr-defined]
    await settled(app, pilot)
    return app.screen


def text(screen: Any, name: str) -> str:
    return str(screen.form.query_one(f"#line-{name}").text)


def title(screen: Any) -> str:
    return str(screen.query_one("#settings").border_subtitle or "")


async def test_it_starts_from_the_best_of_the_last_quantisation_and_says_so() -> None:
    old, new = run_record("q-0003", age=9000, config=SOURCE), run_record("q-0004", age=600, config=SOURCE)
    async with app_with(old, new) as (app, pilot):
        screen = await open_prune(app, pilot)
        await until(pilot, lambda: text(screen, "model") == "run:q-0004")
        assert text(screen, "data") == "reviews"
        assert title(screen) == "from the best of q-0004"
        assert "Starts from what q-0004 chose." in said(app)
        await until(pilot, lambda: "from the best of q-0004" in screen_text(app))
        assert screen.form.command == "labtui run prune --set model=run:q-0004 --set data=reviews"


async def test_the_settings_that_belong_to_the_data_come_along() -> None:
    path = write_run(config=SOURCE | {"eval_samples": 500})
    async with app_with(source=cast(MemorySource, Disk())) as (app, pilot):
        screen = await open_prune(app, pilot)
        await until(pilot, lambda: text(screen, "model") == f"run:{path.name}")
        assert (text(screen, "max_length"), text(screen, "eval_samples")) == ("64", "500")


async def test_what_is_typed_stays_and_another_model_is_no_longer_announced() -> None:
    source = MemorySource(run_record("q-0003", age=9000, config=SOURCE))
    async with app_with(source=source) as (app, pilot):
        screen = await open_prune(app, pilot)
        await until(pilot, lambda: text(screen, "model") == "run:q-0003")
        await pilot.press("i", *"mine", "enter")
        assert title(screen) == ""
        source.put(run_record("q-0005", age=60, config=SOURCE))
        await until(pilot, lambda: "q-0005" in app.runs.rows)
        assert text(screen, "model") == "mine"


async def test_a_newer_quantisation_takes_the_place_of_an_older_one_as_long_as_nothing_was_typed() -> None:
    source = MemorySource(run_record("q-0003", age=9000, config=SOURCE))
    async with app_with(source=source) as (app, pilot):
        screen = await open_prune(app, pilot)
        await until(pilot, lambda: text(screen, "model") == "run:q-0003")
        source.put(run_record("q-0005", age=60, config=SOURCE))
        await until(pilot, lambda: text(screen, "model") == "run:q-0005")


@pytest.mark.parametrize(
    "runs",
    [
        (),
        (run_record("q-0003", age=9000), pruned()),
        (run_record("q-0003", state="running", done=2, age=300),),
        (run_record("q-0003", state="failed", done=0, age=300),),
        (
            run_record("q-0003", state="cancelled", done=1, age=300),
            run_record("q-0004", state="running", done=7, age=9),
        ),
    ],
    ids=["no runs", "pruned since", "still running", "nothing finished", "cancelled while a better one runs"],
)
async def test_otherwise_the_form_is_as_it_was(runs: tuple[RunRecord, ...]) -> None:
    async with app_with(*runs) as (app, pilot):
        screen = await open_prune(app, pilot)
        assert text(screen, "model") == "builtin"
        assert title(screen) == ""


async def test_a_rerun_keeps_its_own_model() -> None:
    async with app_with(run_record("q-0003", age=9000)) as (app, pilot):
        app.open_experiment("prune", {"model": "some/model", "sparsities": [0.2, 0.4]})
        await until(pilot, lambda: app.screen.query("Form") and app.screen.form.config is not None)  # type: ignore[attr-defined]
        screen: Any = app.screen
        await until(pilot, lambda: text(screen, "model") == "some/model")
        assert text(screen, "sparsities") == "0.2,0.4"


async def test_n_lists_every_experiment_and_opens_those_with_a_number_on_their_screen() -> None:
    async with app_with(run_record("q-0003")) as (app, pilot):
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, PickScreen))
        assert [row.key for row in app.screen._table.rows] == list(registry.NAMES)  # type: ignore[attr-defined]
        await pilot.press(*"prune", "enter")
        await until(pilot, lambda: app.current_mode == "prune")


async def test_n_opens_a_page_for_an_experiment_without_a_number_and_escape_leaves_it() -> None:
    worker = Scripted(launch="f-0099")
    async with app_with(run_record("q-0003"), worker=worker) as (app, pilot):
        home = app.screen
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, PickScreen))
        await pilot.press(*"finetune", "enter")
        await until(pilot, lambda: getattr(app.screen, "EXPERIMENT", "") == "finetune" and app.screen.query("Form"))
        screen: Any = app.screen
        await settled(app, pilot)
        screen.form.set_text("methods", "lora")
        screen.form.set_text("ranks", "4,8")
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "f-0099" in said(app))
        assert ("launch", {"experiment": "finetune", "values": {"methods": "lora", "ranks": "4,8"}}) in worker.asked
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is home)


async def test_leaving_the_list_opens_nothing() -> None:
    async with app_with(run_record("q-0003")) as (app, pilot):
        home = app.screen
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, PickScreen))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is home)


async def test_the_model_picker_offers_what_runs_chose_and_fine_tunes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = read_run(write_run(name="mine", config=SOURCE, models=True))
    chosen = results.best(run)
    assert chosen is not None
    async with app_with(source=cast(MemorySource, Disk())) as (app, pilot):
        await open_prune(app, pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PickScreen))
        await pilot.press(*"run:", "ctrl+t")
        await until(pilot, lambda: getattr(app.screen, "EXPERIMENT", "") == "finetune" and app.screen.query("Form"))
        tuning: Any = app.screen
        await until(pilot, lambda: tuning.form.lines and text(tuning, "model") == f"run:{run.id}/{chosen.index}")
        assert (text(tuning, "data"), text(tuning, "max_length")) == ("reviews", "64")


async def test_an_experiment_that_is_gone_says_so() -> None:
    async with app_with(run_record("q-0003")) as (app, pilot):
        app.open_experiment("prunes")
        await until(pilot, lambda: "There is no experiment 'prunes'; did you mean prune" in said(app))


async def test_all_choices_are_in_view_and_chosen_by_key() -> None:
    async with app_with() as (app, pilot):
        screen = await open_prune(app, pilot)
        assert "[ ] heads" in screen_text(app)
        screen.form.go_to(screen.form.query_one("#line-granularities"))
        await pilot.press("right", "right", "right", "space")
        await until(pilot, lambda: "[x] heads" in screen_text(app))
        assert screen.form.config.granularities == ("weights", "heads")


@pytest.mark.parametrize("size", SIZES)
async def test_the_prune_page_while_a_run_goes_on(size: str) -> None:
    async with app_with(pruned(done=7, state="running"), size=SIZES[size]) as (app, pilot):
        screen = await open_prune(app, pilot)
        await until(pilot, lambda: screen.shown.record is not None)
        await settled(app, pilot)
        fits(app, *SIZES[size])
        check_snapshot(app, f"prune-live-{size}")


@pytest.mark.parametrize("size", SIZES)
async def test_the_page_of_an_experiment_without_a_number(size: str) -> None:
    async with app_with(tuned(), size=SIZES[size]) as (app, pilot):
        app.open_experiment("finetune")
        await until(pilot, lambda: getattr(app.screen, "EXPERIMENT", "") == "finetune" and app.screen.query("Form"))
        screen: Any = app.screen
        await until(pilot, lambda: screen.shown.record is not None)
        await settled(app, pilot)
        fits(app, *SIZES[size])
        check_snapshot(app, f"finetune-live-{size}")


async def test_opening_it_says_nothing_false_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setting that was carried over was judged beside those that were not there yet."""
    from tui_app.widgets.form.form import Form

    said_so: list[str] = []
    show = Form.show_plan
    monkeypatch.setattr(Form, "show_plan", lambda self, text: (said_so.append(str(text)), show(self, text)))
    path = write_run(config=SOURCE | {"eval_samples": 500}, models=True)
    async with app_with(source=cast(MemorySource, Disk())) as (app, pilot):
        screen = await open_prune(app, pilot)
        await until(pilot, lambda: text(screen, "model") == f"run:{path.name}")
        await settled(app, pilot)
        assert said_so
        assert all("points" in line for line in said_so), said_so
