"""config.toml: what makes sense is used, what does not becomes a sentence."""

from pathlib import Path

import pytest

from engine.runtime.home import config_path
from tests.tui.driving import opened, until
from tests.tui.recorded import run_record
from tui_app.config import Config, read_config


def config_of(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    return read_config(path)


def test_no_file_is_fine(tmp_path: Path) -> None:
    assert read_config(tmp_path / "config.toml") == Config()


def test_it_lies_in_the_state_folder_that_was_chosen(state: Path) -> None:
    assert config_path() == state / "config.toml"


def test_theme_and_keys(tmp_path: Path) -> None:
    config = config_of(tmp_path, 'theme = "labtui-light"\n[keys]\n"run.pause" = "P"\n"home.sort" = "s,t"\n')
    assert config == Config("labtui-light", {"run.pause": "P", "home.sort": "s,t"}) or config.problems


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("theme = ", "is not TOML"),
        ("theme = 3", "theme is a name in quotes"),
        ('colour = "red"', "there is no setting 'colour'"),
        ("keys = 3", "[keys] is a table"),
        ("notify = 3", "notify is a shell command in quotes"),
        ('alert = "whistle"', "alert is one or more of bell, osc9, osc777"),
        ("alert = 3", "alert is one or more of"),
        ('notifi = "x"', "did you mean notify?"),
        ('[keys]\n"run.pauze" = "P"', "did you mean run.pause?"),
        ('[keys]\n"run.pause" = 3', "the key of run.pause is text"),
        ('[keys]\n"run.pause" = "ctrl+z"', "ctrl+z cannot be bound"),
        ('[keys]\n"run.pause" = "x"', "x would mean both"),
    ],
)
def test_what_makes_no_sense_is_said(tmp_path: Path, text: str, sentence: str) -> None:
    config = config_of(tmp_path, text)
    assert sentence in config.problems[0]
    assert config.keys == {}


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe\x00")
    assert "is not TOML" in read_config(path).problems[0]


async def test_a_broken_config_is_a_toast_and_markup_in_it_is_text() -> None:
    config = Config(theme="[red]nosuch", problems=("config.toml is not TOML: [b]bad[/b].",))
    async with opened(run_record("q-0001"), config=config) as (app, pilot):
        await until(pilot, lambda: len(app._notifications) == 2)
        messages = [notification.message for notification in app._notifications]
        assert "[b]bad[/b]" in messages[0]
        assert "there is no theme '[red]nosuch'" in messages[1]
        assert app.theme == "labtui"


async def test_other_keys_and_theme_are_used() -> None:
    config = Config(theme="labtui-light", keys={"home.filter": "f", "table.mark": "v"})
    async with opened(run_record("q-0001"), config=config) as (app, pilot):
        assert app.theme == "labtui-light"
        await pilot.press("v")
        assert app.screen.listing.marks == {"q-0001": 0}  # type: ignore[attr-defined]
        await pilot.press("space")
        assert app.screen.listing.marks == {"q-0001": 0}  # type: ignore[attr-defined]
        await pilot.press("f")
        assert app.focused is not None
        assert app.focused.id == "query"
