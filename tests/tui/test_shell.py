"""The shell: help, jump, palette, zoom, resizing, quit, themes, copying, terminals with less."""

import base64
from pathlib import Path
from typing import cast

import pytest
from textual.command import CommandList, CommandPalette
from textual.content import Content
from textual.filter import NoColor

from tests.tui.driving import drawn, opened, screen_text, until
from tests.tui.recorded import NOW, MemorySource, NoWorker, run_record, write_run
from tui_app import clipboard, glyphs
from tui_app.actions import character
from tui_app.app import LabApp
from tui_app.config import Config
from tui_app.live import live_actions
from tui_app.runs.source import Disk
from tui_app.screens.help import HelpScreen
from tui_app.screens.jump import JumpScreen
from tui_app.screens.labscreen import LabScreen
from tui_app.screens.quit import QuitScreen
from tui_app.theme import THEMES
from tui_app.widgets.header import Header, gpu_strip
from tui_app.widgets.pane import Pane

RUNS = (run_record("q-0002"), run_record("q-0001"))
RUNNING = run_record("q-0003", name="going", state="running", done=3)


async def test_help_shows_what_can_be_done_here() -> None:
    async with opened(*RUNS) as (app, pilot):
        page = cast(LabScreen, app.screen)
        await pilot.press("question_mark")
        assert type(app.screen) is HelpScreen
        await until(pilot, lambda: "Keys here" in screen_text(app))
        text = screen_text(app)
        assert "/  Filters the runs" in text
        assert "n  Starts a new experiment." in text
        await pilot.press("escape")
        assert app.screen_stack == [page]
        assert {action.group for action, _ in live_actions(page)} == {"table", "home", "run", "screen", "app", "pane"}
        await pilot.press("slash")
        letters = {key for _, keys in live_actions(page) for key in keys if character(key)}
        assert not letters  # they are text now


async def test_f1_explains_the_focused_widget() -> None:
    async with opened(*RUNS) as (app, pilot):
        await pilot.press("slash", "f1")
        assert "asks a field" in screen_text(app)
        await pilot.press("escape", "escape", "f1")
        assert "Arrows or j k move" in screen_text(app)


async def test_jump_goes_to_a_pane_and_any_other_key_leaves() -> None:
    async with opened(*RUNS) as (app, pilot):
        page = cast(LabScreen, app.screen)
        await pilot.press("semicolon")
        assert type(app.screen) is JumpScreen
        assert "r Runs   f Figure" in screen_text(app)
        await pilot.press("f")
        assert app.screen_stack == [page]
        assert page.panes.current is page.query_one("#figure")
        await pilot.press("semicolon", "w")
        assert page.panes.current is page.query_one("#figure")


async def test_tab_goes_through_the_panes_that_the_narrow_layout_hides() -> None:
    async with opened(*RUNS, size=(60, 24)) as (app, pilot):
        page = cast(LabScreen, app.screen)
        seen = []
        for _ in range(3):
            await pilot.press("tab")
            seen.append(page.panes.current.id if page.panes.current else None)
            assert [pane.id for pane in page.panes.present if pane.region] == [seen[-1]]
        assert seen == ["figure", "details", "runs"]
        await pilot.press("shift+tab")
        assert page.panes.current is page.query_one("#details")


async def test_zoom_fills_the_screen_and_escape_or_z_puts_it_back() -> None:
    async with opened(*RUNS) as (app, pilot):
        figure = app.screen.query_one("#figure", Pane)
        for back in ("z", "escape"):
            await pilot.press("semicolon", "f", "z")
            assert figure.region.size == (80, 22)
            assert screen_text(app).splitlines()[0].startswith("▐1 Home▌")
            await pilot.press(back)
            assert figure.region.height < 12


async def test_panes_grow_shrink_and_go_back() -> None:
    async with opened(*RUNS) as (app, pilot):
        runs = app.screen.query_one("#runs", Pane)
        before = runs.region.height
        await pilot.press(">", ">")
        assert runs.region.height > before
        await pilot.press("<", "<", "<", "<")
        assert runs.region.height < before
        await pilot.press("=")
        assert runs.region.height == before


async def test_the_palette_finds_actions_runs_and_themes() -> None:
    async with opened(*RUNS) as (app, _):
        commands = {command.title: command for command in app.get_system_commands(app.screen)}
        assert commands["New  n"].help == "Starts a new experiment."
        assert "Theme: labtui-light" in commands
        assert any(title.startswith("q-0002 ") for title in commands)
        commands["Theme: labtui-light"].callback()
        assert app.theme == "labtui-light"


@pytest.mark.parametrize("key", ["ctrl+p", "colon"])
async def test_the_palette_opens_and_names_are_no_markup(key: str) -> None:
    hostile = run_record("q-0009", name="[bold]x[/] [/nosuch] [@click=app.quit]y[/]")
    async with opened(hostile) as (app, pilot):
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"q-0009")
        await until(pilot, lambda: "[/nosuch] [@click=app.quit]y[/]" in screen_text(app))
        await pilot.press("escape")


async def test_a_page_key_in_a_palette_without_lines_does_nothing() -> None:
    """Random keys under load: KeyError in Textual's list, whose lines are made with the next layout."""
    async with opened(*RUNS) as (app, pilot):
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette) and app.screen.query_one(CommandList).options)
        options = app.screen.query_one(CommandList)
        options.highlighted = 0
        options.styles.max_height = 0  # as before it is laid out
        await until(pilot, lambda: not options.scrollable_content_region)
        options._clear_caches()
        app.screen._action_command_list("page_down")
        app.screen._action_command_list("page_up")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, CommandPalette))


async def test_quitting_with_nothing_at_work_is_immediate() -> None:
    async with opened(*RUNS) as (app, pilot):
        await pilot.press("q")
        assert app._exit


async def test_quitting_with_runs_at_work_asks() -> None:
    async with opened(RUNNING, *RUNS) as (app, pilot):
        await pilot.press("q")
        assert isinstance(app.screen, QuitScreen)
        assert "q-0003  going  3/8" in screen_text(app)
        await pilot.press("escape")
        assert not app._exit
        await pilot.press("slash", "ctrl+q", "enter")
        assert app._exit


async def test_stopping_them_cancels_and_quits() -> None:
    """One that has ended meanwhile keeps nobody."""
    path = write_run(done=3)
    write_run()
    app = LabApp(source=Disk(), clock=lambda: NOW, config=Config(), interactive=NoWorker())
    async with app.run_test() as pilot:
        await until(pilot, lambda: len(app.runs.rows) == 2)
        await app.push_screen(QuitScreen(list(app.runs.rows.values())))
        await pilot.press("s")
        await until(pilot, lambda: app._exit)
    from engine.runtime.runs import read_run

    assert read_run(path).state == "cancelled"


async def test_closing_never_writes_to_a_run() -> None:
    path = write_run(done=3)
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    async with opened(source=cast(MemorySource, Disk())) as (_, pilot):
        await pilot.press("q")
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before


async def test_every_theme_draws_every_style() -> None:
    async with opened(RUNNING, *RUNS) as (app, pilot):
        for theme in sorted(app.available_themes):
            app.theme = theme
            await pilot.pause()
            assert screen_text(app)
        for own in THEMES:
            assert own.name in app.available_themes


async def test_no_color_is_colourless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened(RUNNING, *RUNS) as (app, _):
        assert app.theme == "labtui-16"
        assert any(isinstance(one, NoColor) for one in app._filters)
        for strip in app.screen._compositor.render_strips():
            for segment in strip.apply_filter(
                next(f for f in app._filters if isinstance(f, NoColor)), app.screen.background_colors[1]
            ):
                color = segment.style.color if segment.style else None
                assert color is None or color.is_default


async def test_copying_goes_through_the_terminal() -> None:
    async with opened(*RUNS) as (app, pilot):
        await pilot.press("y")
        assert app.clipboard.startswith("q-0002\tquantize\tbert-tiny imdb\t✓ finished\t85.97\t")
        await until(pilot, lambda: any("Copied: 1 line" in n.message for n in app._notifications))


def test_the_sequence_is_wrapped_for_tmux_and_left_out_where_it_does_not_work() -> None:
    data = base64.b64encode("é [x]".encode()).decode()
    plain = clipboard.sequence("é [x]", {"TERM": "xterm"})
    assert plain == f"\x1b]52;c;{data}\a"
    assert clipboard.sequence("é [x]", {"TERM": "tmux-256color", "TMUX": "s"}) == (
        f"{plain}\x1bPtmux;\x1b\x1b]52;c;{data}\a\x1b\\"
    )
    assert clipboard.sequence("x", {"TERM": "linux"}) is None
    assert clipboard.sequence("x" * 80_000, {"TERM": "xterm"}) is None


async def test_what_the_terminal_cannot_copy_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")
    async with opened(*RUNS) as (app, pilot):
        await pilot.press("y")
        await until(pilot, lambda: "Copy by hand" in screen_text(app))
        assert "q-0002" in screen_text(app)


def test_plain_signs_are_for_the_console_and_other_encodings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("locale.getpreferredencoding", lambda _: "UTF-8")
    assert not glyphs.wants_plain({"TERM": "xterm-256color"})
    assert glyphs.wants_plain({"TERM": "linux"})
    monkeypatch.setattr("locale.getpreferredencoding", lambda _: "ANSI_X3.4-1968")
    assert glyphs.wants_plain({"TERM": "xterm"})


def test_gpus_are_shown_only_where_there_are_some() -> None:
    from engine.runtime.devices import Device, Usage

    assert gpu_strip([]) == Content("")
    gpu = Usage(Device("GPU-1", "A100", 80 * 2**30), 0.873, 41 * 2**30, 61.0, 288.0)
    unsure = Usage(Device("GPU-2", "A100", 80 * 2**30), None, 2**30, None, None)
    assert gpu_strip([gpu, unsure]).plain == "gpu0 87% 41/80G  gpu1 – 1/80G"


async def test_the_header_gives_way_when_there_is_no_room() -> None:
    async with opened(*RUNS, size=(30, 10)) as (app, pilot):
        app.screen.query_one(Header).machine(Content("gpu0 87% 41/80G gpu1 87% 41/80G"))
        await pilot.pause()
        assert len(screen_text(app).splitlines()[0]) <= 30


async def test_the_mouse_does_what_the_keys_do() -> None:
    async with opened(*RUNS) as (app, pilot):
        await drawn(app, pilot)
        line = screen_text(app).splitlines()[-1]
        await pilot.click("Footer", offset=(line.index("filter"), 0))
        assert app.focused is not None
        assert app.focused.id == "query"
        await pilot.click("#table", offset=(10, 2))
        assert app.screen.query_one("#table").key == "q-0001"  # type: ignore[attr-defined]


def test_app_py_stays_small() -> None:
    source = Path(__file__).parents[2] / "tui_app" / "app.py"
    assert len(source.read_text(encoding="utf-8").splitlines()) < 300
