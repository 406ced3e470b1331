"""The Search page and the keys of a search: more trials, a trial by hand, the way to a format in every layer."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from engine.errors import InputError
from engine.experiments.search import EXPERIMENT
from engine.experiments.search.config import SearchConfig
from engine.runtime.records import PointRecord, RunRecord
from tests.tui.driving import screen_text, until
from tests.tui.pages import app_with, said
from tests.tui.recorded import NOW, run_record
from tui_app.screens.ask import AskScreen
from tui_app.screens.experiment.search import MixedScreen, SearchScreen
from tui_app.screens.searchactions import is_search

CONFIG = SearchConfig(space="num_hidden_layers=1,2,3", samplers=("random", "tpe"), trials=4)


def search_record(state: Any = "running", done: int = 5) -> RunRecord:
    points = []
    for index, params in enumerate(EXPERIMENT.points(CONFIG)):
        if index >= done:
            points.append(PointRecord(index, params))
            continue
        accuracy = 0.7 + 0.02 * (index * 5 % 7)
        result = {
            "validation_accuracy": accuracy,
            "validation_low": accuracy - 0.02,
            "validation_high": accuracy + 0.02,
            "validation_samples": 1000,
            "bytes": 10**6 + 10**5 * index,
            "parameters": 250_000 + index,
            "blocks": 1 + index % 3,
            "setting": f"num_hidden_layers {1 + index % 3}",
        }
        asked = {**params, "num_hidden_layers": 1 + index % 3}
        points.append(PointRecord(index, asked, "finished", 1, "cpu", NOW - 60, NOW - 30, result))
    return replace(
        run_record("s-0001", state=state),
        experiment="search",
        config=CONFIG.model_dump(),
        points=tuple(points),
        notes={},
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []

    def enqueue(path: Path, params: dict[str, str]) -> None:
        if "wrong" in params:
            raise InputError("wrong does not exist in this trial.")
        found.append(("try", dict(params)))

    monkeypatch.setattr("engine.experiments.asking.extend", lambda path, count: found.append(("more", count)))
    monkeypatch.setattr("engine.experiments.asking.enqueue", enqueue)
    monkeypatch.setattr("engine.experiments.asking.suggestion", lambda path: "num_hidden_layers=2")
    return found


def test_searches_are_known_by_their_study() -> None:
    assert is_search("search")
    assert is_search("mixed")
    assert not is_search("quantize")
    assert not is_search("no.such.module")


async def test_the_page_shows_curves_trials_and_details() -> None:
    async with app_with(search_record(), size=(140, 40)) as (app, pilot):
        await pilot.press("5")
        await until(pilot, lambda: isinstance(app.screen, SearchScreen) and app.screen.shown.best is not None)
        screen = app.screen
        assert isinstance(screen, SearchScreen)
        assert [figure.key for figure in screen.curves.figures] == ["progress", "bytes"]
        assert {one.name for one in screen.curves.figures[0].series} == {"random", "tpe"}
        await until(pilot, lambda: "the lead is with" in screen_text(app))
        assert len(screen.points.rows) == 9


async def test_more_trials_and_a_trial_by_hand(asked: list[tuple[str, Any]]) -> None:
    async with app_with(search_record(), size=(140, 40)) as (app, pilot):
        await pilot.press("5")
        await until(pilot, lambda: isinstance(app.screen, SearchScreen) and app.screen.shown.record is not None)
        app.screen.query_one("#points-table").focus()
        await pilot.press("M")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        app.screen.query_one(Input).value = "12"
        await pilot.press("enter")
        await until(pilot, lambda: ("more", 12) in asked)
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        assert app.screen.query_one(Input).value == "num_hidden_layers=2"
        app.screen.query_one(Input).value = "num_hidden_layers=3; sampler=tpe"
        await pilot.press("enter")
        await until(pilot, lambda: ("try", {"num_hidden_layers": "3", "sampler": "tpe"}) in asked)
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        app.screen.query_one(Input).value = "wrong=1"
        await pilot.press("enter")
        await until(pilot, lambda: "wrong does not exist" in said(app))
        await pilot.press("M", "escape", "T", "escape")
        assert len(asked) == 2


async def test_the_keys_are_there_for_searches_alone(asked: list[tuple[str, Any]]) -> None:
    async with app_with(run_record("q-0001"), size=(140, 40)) as (app, pilot):
        await until(pilot, lambda: app.screen.query_one("Table").has_focus)
        await pilot.press("M", "T")
        await pilot.pause()
        assert not isinstance(app.screen, AskScreen)
    cancelled = search_record("cancelled")
    async with app_with(cancelled, size=(140, 40)) as (app, pilot):
        await pilot.press("M", "T")
        await pilot.pause()
        assert not isinstance(app.screen, AskScreen)


async def test_the_way_to_a_format_in_every_layer() -> None:
    async with app_with(size=(80, 24)) as (app, pilot):
        await pilot.press("5")
        await until(pilot, lambda: isinstance(app.screen, SearchScreen))
        app.screen.query_one("#points-table").focus()
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, MixedScreen))
        assert "Families" in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, SearchScreen))


async def test_a_model_on_the_hub_is_looked_up_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A half-typed name is a name on the hub: the page must neither wait for the network nor end with its answer."""

    def asked(config: SearchConfig) -> Any:
        raise InputError("the hub cannot be reached")

    monkeypatch.setattr("tui_app.screens.experiment.planning.CHECK_SECONDS", 3600)
    async with app_with() as (app, pilot):
        await pilot.press("5")
        await until(pilot, lambda: isinstance(app.screen, SearchScreen))
        screen = app.screen
        monkeypatch.setattr(screen.experiment, "points", asked, raising=False)
        await pilot.press("i", "5")
        await until(pilot, lambda: "looking the model up" in screen_text(app))
        screen.planning._checked = screen.form.changed
        screen.planning.plan()
        await until(pilot, lambda: "the hub cannot be reached" in screen_text(app))
