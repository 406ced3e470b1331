"""What was scheduled for a page that has left the screen does not run; leaving leaves one page and no other."""

import asyncio
import importlib
import pkgutil
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from textual.message import Message
from textual.widget import Widget

import tui_app
from tests.tui.driving import opened, until
from tests.tui.recorded import run_record
from tui_app.living import Leaving, Living
from tui_app.screens.labscreen import LabScreen
from tui_app.screens.pickers import Option, PickScreen
from tui_app.screens.run.screen import RunScreen
from tui_app.stage import Stage
from tui_app.widgets.footer import Footer

RUNS = (run_record("q-0002"), run_record("q-0001"))


class Note(Message):
    """Something posted."""


class Busy(LabScreen):
    """Notes in `ran` what of it ran."""

    def __init__(self) -> None:
        super().__init__()
        self.ran: list[str] = []

    def body(self) -> Iterable[Widget]:
        return ()

    def note(self) -> None:
        # Half a page: what is looked for is not there any more.
        self.query_one(Footer)
        self.ran.append("note")

    def on_note(self) -> None:
        self.note()

    async def work(self) -> None:
        await asyncio.sleep(0)
        self.note()


SCHEDULED: dict[str, Callable[[Busy], Any]] = {
    "timer": lambda page: page.set_timer(0.001, page.note),
    "interval": lambda page: page.set_interval(0.001, page.note),
    "after a refresh": lambda page: page.call_after_refresh(page.note),
    "later": lambda page: page.call_later(page.note),
    "next": lambda page: page.call_next(page.note),
    "closure": lambda page: page.call_later(lambda: page.note()),
    "message": lambda page: page.post_message(Note()),
    "worker": lambda page: page.run_worker(page.work()),
}


@pytest.mark.parametrize("kind", SCHEDULED)
async def test_nothing_scheduled_runs_once_its_page_is_left(kind: str) -> None:
    async with opened(*RUNS) as (app, pilot):
        page = Busy()
        await app.push_screen(page)
        await until(pilot, lambda: page.is_mounted)
        SCHEDULED[kind](page)
        app.pop_screen()
        await until(pilot, lambda: not page.is_running)
        await asyncio.sleep(0.01)
        assert page.ran == []
        assert page.gone


@pytest.mark.parametrize("kind", SCHEDULED)
async def test_it_runs_while_the_page_is_there_though_another_covers_it(kind: str) -> None:
    async with opened(*RUNS) as (app, pilot):
        page = Busy()
        await app.push_screen(page)
        await app.push_screen(PickScreen("Cover", [Option("a")]))
        SCHEDULED[kind](page)
        await until(pilot, lambda: page.ran)


async def test_a_callback_does_not_go_with_the_page_that_happened_to_be_on_top() -> None:
    async with opened(*RUNS) as (app, pilot):
        home, ran = app.screen, []
        await app.push_screen(Busy())
        home.call_after_refresh(lambda: ran.append(1))
        await asyncio.sleep(0)
        app.pop_screen()
        await until(pilot, lambda: ran)


@pytest.mark.parametrize("keys", [("enter", "escape"), ("escape", "escape"), ("enter", "enter", "escape", "p")])
async def test_a_dialog_left_twice_leaves_no_other_page(keys: tuple[str, ...]) -> None:
    async with opened(*RUNS) as (app, pilot):
        answers: list[str | None] = []
        page, dialog = Busy(), PickScreen("One", [Option("a")])
        await app.push_screen(page)
        await app.push_screen(dialog, answers.append)
        for _ in range(2):
            dialog.dismiss("a")
        await until(pilot, lambda: answers)
        assert app.screen is page
        assert answers == ["a"]
        await app.push_screen(PickScreen("Two", [Option("a")]))
        for key in keys:
            app.simulate_key(key)
        await until(pilot, lambda: not isinstance(app.screen, PickScreen))


async def test_a_run_opened_and_left_for_a_numbered_page_at_once() -> None:
    """The footer of the run's page looked for its screen after that had gone."""
    async with opened(*RUNS) as (app, pilot):
        home = app.screen
        for _ in range(4):
            page = RunScreen("q-0001")
            app.push_screen(page)
            await until(pilot, lambda page=page: page.is_mounted)  # type: ignore[misc]
            page.renew_keys()
            app.action_screen_go("home")
            assert app.screen is home
            await until(pilot, lambda page=page: not page.is_running)  # type: ignore[misc]


async def test_a_number_shows_its_own_page_not_what_was_opened_from_it() -> None:
    async with opened(*RUNS) as (app, pilot):
        home = app.screen
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.press("2", "1")
        await until(pilot, lambda: app.screen is home)


async def test_a_dialog_that_comes_by_itself_comes_to_its_own_page_only() -> None:
    async with opened(*RUNS) as (app, _):
        page = Busy()
        await app.push_screen(page)
        asked = asyncio.ensure_future(app.ask(page, PickScreen("Late", [Option("a")])))
        app.pop_screen()
        assert await asked is None
        assert not isinstance(app.screen, PickScreen)


async def test_keys_pressed_before_a_dialog_came_are_not_for_it() -> None:
    async with opened(*RUNS) as (app, _):
        page = app.screen
        app.simulate_key("down")
        asked = asyncio.ensure_future(app.ask(page, PickScreen("Late", [Option("a"), Option("b")])))
        await asyncio.sleep(0)
        app.simulate_key("down")
        app.simulate_key("enter")
        assert await asked == "b"
        assert page.query_one("#table").key == "q-0001"  # type: ignore[attr-defined]


def test_every_widget_and_page_is_guarded() -> None:
    for module in pkgutil.walk_packages(tui_app.__path__, "tui_app."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)

    def all_kinds(kind: type) -> set[type]:
        return {kind, *(inner for below in kind.__subclasses__() for inner in all_kinds(below))}

    ours = {kind for kind in all_kinds(Widget) if kind.__module__.startswith("tui_app.")}
    assert ours
    for kind in ours:
        assert issubclass(kind, Leaving if hasattr(kind, "dismiss") else Living), kind
        # First in line, or Textual's methods would be found before the guarded ones.
        assert kind.call_later is Living.call_later, kind
        assert kind.call_next is Living.call_next, kind
    assert Stage.pop_screen is not Stage.__mro__[1].pop_screen  # type: ignore[attr-defined]
