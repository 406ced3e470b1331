"""The registry of actions: complete, without collisions, and what screens, help and docs are made from."""

from pathlib import Path

import pytest
from textual.keys import _character_to_key

from tests.tui.driving import opened, screen_text, until
from tests.tui.recorded import run_record
from tui_app.actions import ACTIONS, BY_ID, GROUPS, Action, bindings, show_key
from tui_app.collisions import FORBIDDEN, MODAL, TOGETHER, collisions
from tui_app.keys_doc import keys_markdown
from tui_app.tabs import TABS, Tab


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_every_action_is_described(action: Action) -> None:
    assert action.label.strip()
    assert action.description.endswith(".")
    assert action.description[0].isupper()
    assert action.group in GROUPS
    assert len(action.description) <= 60  # one line of the help screen at 80 columns


def test_ids_are_unique() -> None:
    assert len(BY_ID) == len(ACTIONS)


def test_no_key_means_two_things_in_one_place() -> None:
    assert list(collisions()) == []
    assert ("p", "run.pause", "run.cancel") in list(collisions({"run.cancel": "p"}))


def test_every_group_has_its_place() -> None:
    placed = {group for groups in (*TOGETHER, *MODAL) for group in groups} | {"screen", "app", "pane"}
    assert placed == set(GROUPS)


def test_keys_that_terminals_keep_are_never_bound() -> None:
    keys = {key.strip() for action in ACTIONS for key in action.keys.split(",")}
    assert not keys & FORBIDDEN
    assert {f"ctrl+{key}" for key in "himabz"} <= FORBIDDEN


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.name)
async def test_every_screen_with_a_number_opens_by_it(tab: Tab) -> None:
    async with opened(run_record("q-0001")) as (app, pilot):
        await pilot.press(tab.key)
        await until(pilot, lambda: getattr(app.screen, "TAB", "") == tab.name)
        assert f"▐{tab.key} {tab.label}▌" in screen_text(app)


def test_keys_read_as_on_the_keyboard() -> None:
    shown = {
        key: show_key(_character_to_key(key) if len(key) == 1 else key) for key in ("?", "/", ":", ";", "<", "[", "G")
    }
    assert all(name == key for key, name in shown.items())
    assert show_key("ctrl+r") == "^r"
    assert show_key("space", words=True) == "space"
    assert show_key("shift+tab") == "shift+tab"


def test_the_docs_page_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "keys.md"
    assert page.read_text(encoding="utf-8") == keys_markdown(), "run python -m tui_app.keys_doc docs/keys.md"


async def test_every_bound_action_exists_and_no_live_key_is_shadowed() -> None:
    """On the real screens, whatever has the focus: each action has its method, and no action hides another's key."""
    async with opened(run_record("q-0001"), size=(140, 40)) as (app, pilot):
        for tab in TABS:
            await app.switch_mode(tab.name)
            await pilot.pause()
            for widget in list(app.screen.focus_chain):
                app.screen.set_focus(widget)
                await pilot.pause()
                taken: dict[str, str] = {}
                for node, bound in app.screen._binding_chain:
                    for key, binding in bound:
                        if binding.id not in BY_ID:
                            continue
                        method = binding.action.partition("(")[0].rpartition(".")[2]
                        owner = app if binding.action.startswith("app.") else node
                        assert hasattr(owner, f"action_{method}"), f"{type(node).__name__} lacks {binding.action}"
                        assert taken.setdefault(key, binding.id or "") == binding.id, f"{key} on {widget}"


def test_bindings_take_groups_and_single_ids() -> None:
    assert [binding.id for binding in bindings("quit", "run.log")] == ["run.log", "quit.leave", "quit.stop"]  # type: ignore[union-attr]
