"""The widget: what it draws and when, its keys, its cursor."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from engine.figures.figure import Figure, Series
from tests.tui.curve.figures import losses, sweep
from tests.tui.driving import until
from tests.tui.pages import app_with, live, push, still
from tui_app import glyphs
from tui_app.screens.run.screen import RunScreen
from tui_app.widgets.curve import CurveView
from tui_app.widgets.curve.legend import legend
from tui_app.widgets.pane import Pane


class Stand(App[None]):
    """A pane with nothing but curves."""

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {"muted": "#808080"}

    def compose(self) -> ComposeResult:
        yield Pane(CurveView(placeholder="Nothing yet."), label="Figure", jump="f", id="figure")


@asynccontextmanager
async def stand(*figures: Any, size: tuple[int, int] = (70, 18)) -> AsyncIterator[tuple[CurveView, Pilot[None]]]:
    app = Stand()
    async with app.run_test(size=size) as pilot:
        view = app.query_one(CurveView)
        view.set_figures(figures)
        view.focus()
        await until(pilot, lambda: view.drawings and still(view))
        yield view, pilot


def lines(view: CurveView) -> list[str]:
    return [view.render_line(y).text.rstrip() for y in range(view.size.height)]


async def press(view: CurveView, pilot: Pilot[None], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await until(pilot, lambda: still(view))


async def test_nothing_yet_is_said_in_words() -> None:
    async with stand() as (view, _):
        assert "Nothing yet." in "".join(lines(view))


async def test_the_legend_stands_above_the_plot() -> None:
    async with stand(sweep()) as (view, _):
        assert lines(view)[0] == " ● PTQ  ▲ QAT  ┄ baseline"
        assert isinstance(view.parent, Pane)
        assert "Accuracy against width" in str(view.parent.border_title)


@pytest.mark.parametrize("plain", [False, True])
def test_no_two_curves_of_a_figure_have_one_glyph(plain: bool) -> None:
    points = Series("PTQ", (1.0, 2.0), (0.7, 0.8))
    front = Series("Pareto front", (1.0, 2.0), (0.7, 0.8), kind="steps", slot=-1)
    level = Series("baseline", (1.0, 2.0), (0.8, 0.8), kind="level", slot=-1)
    figure = Figure("bytes", "Accuracy against bytes", "Bytes", "Accuracy", (points, front, level))
    glyphs.use_plain(plain)
    (line,) = legend(figure, 80, 4)
    assert len({entry.glyph for entry in line}) == 3


async def test_the_cursor_reads_out_every_curve_with_its_interval() -> None:
    async with stand(sweep(), losses(5)) as (view, pilot):
        await press(view, pilot, "right")
        assert view.cursor == 4  # the marked point first
        assert lines(view)[0] == " ▌ 4  ● PTQ 84.20 % ±0.40  ▲ QAT 85.80 % ±0.40  ┄ baseline 86.45 %"
        await press(view, pilot, "right", "right")
        assert view.cursor == 8
        await press(view, pilot, *["left"] * 9)
        assert view.cursor == 2
        await press(view, pilot, "m")
        assert view.cursor is None


async def test_a_narrow_view_reads_out_without_names() -> None:
    async with stand(sweep(), size=(46, 14)) as (view, pilot):
        await press(view, pilot, "right")
        assert lines(view)[0] == " ▌ 4  ● 84.20 %  ▲ 85.80 %  ┄ 86.45 %"


async def test_keys_change_figure_scale_smoothing_and_zoom() -> None:
    async with stand(sweep(), losses(400)) as (view, pilot):
        controls = view.controls
        assert controls.words == "1/2"
        await press(view, pilot, "m", "s", "s", "A", "plus")
        assert (view.figure, controls.words) == (losses(400), "log y · smooth 0.6 · zoom 2× · 2/2")
        await press(view, pilot, "S", "S", "S", "A", "0", "m")
        assert (view.figure, controls.words) == (sweep(), "1/2")
        await press(view, pilot, "a", "m")
        assert controls.words == "2/2"  # a scale belongs to its figure
        await press(view, pilot, "m")
        assert controls.words == "log x · 1/2"


async def test_zoom_keeps_the_cursor_in_place_and_ends_at_the_whole() -> None:
    async with stand(losses(400)) as (view, pilot):
        await press(view, pilot, "left", *["plus"] * 3)
        low, high = view.controls.window
        assert high - low == 0.125
        assert view.frame is not None
        assert view.frame.column(view.cursor or 0.0) is not None
        await press(view, pilot, *["minus"] * 9)
        assert view.controls.window == (0.0, 1.0)


async def test_news_keeps_figure_and_cursor_and_is_drawn_with_the_tick() -> None:
    async with stand(losses(50), sweep(upto=3)) as (view, pilot):
        await press(view, pilot, "m", "right")
        before = view.drawings
        view.set_figures((losses(60), sweep(upto=5)))
        assert view.drawings == before
        await until(pilot, lambda: view.drawings > before and still(view))
        assert view.figure == sweep(upto=5)
        assert view.cursor == 4


async def test_the_same_figures_are_not_drawn_again() -> None:
    async with stand(sweep()) as (view, _):
        before = view.drawings
        view.set_figures((sweep(),))
        assert not view.drawing.stale
        assert view.drawings == before


async def test_bursts_of_news_are_drawn_once() -> None:
    async with stand(losses(10)) as (view, pilot):
        before = view.drawings
        for steps in range(11, 60):
            view.set_figures((losses(steps),))
        await until(pilot, lambda: view.drawings > before and still(view))
        assert view.drawings == before + 1
        assert view.figure == losses(59)


async def test_nothing_is_drawn_while_hidden() -> None:
    async with stand(sweep(upto=3)) as (view, pilot):
        view.display = False
        await pilot.pause()
        before = view.drawings
        view.set_figures((sweep(),))
        view.drawing.if_stale()
        await pilot.pause()
        assert (view.drawings, view.drawing.stale) == (before, True)
        view.display = True
        await until(pilot, lambda: view.drawings > before)


async def test_a_frame_repaints_only_what_changed() -> None:
    async with stand(losses(200)) as (view, pilot):
        painted: list[Any] = []
        refresh = view.refresh
        view.refresh = lambda *regions, **more: painted.extend(regions) or refresh(*regions, **more)  # type: ignore[method-assign]
        before = view.drawings
        view.set_figures((losses(215),))
        await until(pilot, lambda: view.drawings > before)
        assert painted
        assert sum(region.area for region in painted if region.y > 0) < view.size.area / 10


async def test_resizing_draws_for_the_new_size() -> None:
    async with stand(sweep()) as (view, pilot):
        for size in ((40, 10), (120, 40), (9, 4), (70, 18)):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda: still(view))
            assert all(view.render_line(y).cell_length == view.size.width for y in range(view.size.height))


async def test_names_from_outside_stay_literal_and_in_one_line() -> None:
    from dataclasses import replace

    series = [
        replace(one, name=name)
        for one, name in zip(sweep().series, ("[red]x[/]\x1b[31m\n", "電影評論 " * 6, "🚀"), strict=True)
    ]
    async with stand(replace(sweep(), title="[b]t[/]", series=tuple(series))) as (view, _):
        headings = [view.render_line(y) for y in range(3)]
        assert all(heading.cell_length == view.size.width for heading in headings)
        text = "".join(heading.text for heading in headings)
        assert "[red]x[/]" in text
        assert "\x1b" not in text
        assert ("電影評論 " * 6).strip() in text
        assert "🚀" in text
        assert isinstance(view.parent, Pane)
        assert "\\[b]t\\[/]" in str(view.parent.border_title)


async def test_legends_are_whole() -> None:
    from dataclasses import replace

    names = ("tpe, compress", "random, compress", "nsga2, compress and tune again")
    figure = replace(sweep(), series=tuple(replace(one, name=n) for one, n in zip(sweep().series, names, strict=True)))
    async with stand(figure, size=(46, 18)) as (view, _):
        text = "\n".join(lines(view)[:4])
        assert all(name in text for name in names)


async def test_the_wheel_zooms_where_the_pointer_is() -> None:
    async with stand(losses(400)) as (view, pilot):
        frame = view.frame
        assert frame is not None
        right = frame.left + frame.columns - 1
        view.post_message(events.MouseScrollUp(view, right, 5, 0, 0, 0, False, False, False))
        await until(pilot, lambda: view.controls.window != (0.0, 1.0) and still(view))
        low, high = view.controls.window
        assert high > 0.99
        assert 0.15 < low < 0.25
        for _ in range(4):
            view.post_message(events.MouseScrollDown(view, right, 5, 0, 0, 0, False, False, False))
        await until(pilot, lambda: view.controls.window == (0.0, 1.0) and still(view))


async def test_dragging_zooms_to_the_range() -> None:
    async with stand(losses(400)) as (view, pilot):
        frame = view.frame
        assert frame is not None
        start, end = frame.left + frame.columns // 4, frame.left + frame.columns // 2
        await pilot.mouse_down(view, (start, 6))
        await pilot.hover(view, (end, 6))
        assert any(
            segment.style and segment.style.bgcolor != view.rich_style.bgcolor for segment in view.render_line(6)
        )
        await pilot.mouse_up(view, (end, 6))
        await until(pilot, lambda: view.controls.window != (0.0, 1.0) and still(view))
        low, high = view.controls.window
        assert abs(low - 0.25) < 0.05
        assert abs(high - 0.5) < 0.05
        await press(view, pilot, "0")
        assert view.controls.window == (0.0, 1.0)


async def test_a_click_puts_the_cursor_at_the_nearest_point() -> None:
    async with stand(sweep()) as (view, pilot):
        assert view.frame is not None
        await pilot.click(view, ((view.frame.column(8) or 0) + 1, 6))
        assert view.cursor == 8


async def test_a_click_in_the_legend_hides_a_curve_and_shows_it_again() -> None:
    async with stand(sweep()) as (view, pilot):
        for hidden in (frozenset({1}), frozenset()):
            await pilot.click(view, (lines(view)[0].index("QAT"), 0))
            await until(pilot, lambda: still(view))
            assert view.controls.hidden == hidden
            plot = "".join(lines(view)[1:])
            assert ("▲" in plot) == (not hidden)
            assert "QAT" in lines(view)[0]


async def test_a_click_in_the_readout_hides_that_curve() -> None:
    async with stand(sweep()) as (view, pilot):
        await pilot.click(view, (lines(view)[0].index("PTQ"), 0))
        await until(pilot, lambda: still(view))
        await press(view, pilot, "right")
        await pilot.click(view, (lines(view)[0].index("QAT"), 0))
        await until(pilot, lambda: still(view))
        assert view.controls.hidden == frozenset({0, 1})


async def test_a_key_shows_each_curve_alone_and_then_all() -> None:
    async with stand(sweep()) as (view, pilot):
        seen = []
        for _ in range(3):
            await press(view, pilot, "H")
            seen.append(sorted(view.controls.hidden))
        assert seen == [[1], [0], []]


async def test_curves_have_colours_of_their_own_on_a_terminal_of_sixteen(monkeypatch: Any) -> None:
    """As they reach the terminal: rounded from the palette, two of them would be one."""
    monkeypatch.setenv("TERM", "screen")
    monkeypatch.delenv("COLORTERM", raising=False)
    async with app_with(live()) as (app, pilot):
        page = await push(app, pilot, RunScreen("q-0007"))
        assert app.console.color_system == "standard"
        view = page.curves
        view.set_figures([losses(20, curves=6)])
        await until(pilot, lambda: still(view) and "fixed(7)" in view.render_line(1).text + view.render_line(0).text)
        strips = app.screen._compositor.render_strips()
        for one in (one for one in app._filters if one.enabled):
            strips = [strip.apply_filter(one, view.background_colors[1]) for strip in strips]
        colours = {
            glyph: segment.style.color.name
            for strip in strips
            for segment in strip
            for glyph in "●▲■◆▼★"
            if segment.text.strip() == glyph and segment.style and segment.style.color
        }
        assert colours == {"●": "blue", "▲": "red", "■": "green", "◆": "magenta", "▼": "cyan", "★": "yellow"}
