"""Figures as real pictures, where the terminal shows them."""

import os
import pty
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from engine.errors import InputError
from tests.tui.curve.figures import losses, sweep
from tests.tui.driving import until
from tests.tui.pages import Scripted, app_with, live, push, said, still
from tui_app import pictures
from tui_app.screens.run.screen import RunScreen
from tui_app.widgets.curve.frame import View
from tui_app.widgets.curve.picture import Picture, looked_at


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    pictures.use(None)


@pytest.mark.parametrize(
    ("answer", "protocol"),
    [
        (b"\x1b[?62;4;22c", "sixel"),
        (b"\x1b_Gi=31;OK\x1b\\\x1b[?62;c", "kitty"),
        (b"\x1b_Gi=31;OK\x1b\\\x1b[?64;4c", "sixel"),
        (b"\x1b_Gi=31;ENOTSUPPORTED\x1b\\\x1b[?62;22c", None),
        (b"\x1b[?1;2c", None),
        (b"\x1b[?6c\x1b[?64;14c", None),
        (b"", None),
    ],
)
def test_the_terminals_answer_is_understood(answer: bytes, protocol: str | None) -> None:
    assert pictures.understood(answer) == protocol


@pytest.mark.parametrize("answer", [b"\x1b_Gi=31;OK\x1b\\\x1b[?62;c", b""])
def test_a_terminal_is_asked_once_and_left_as_it_was(answer: bytes) -> None:
    """Also one that never answers."""
    import termios

    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)

    def terminal() -> None:
        seen = b""
        while not seen.endswith(b"\x1b[c"):
            seen += os.read(master, 100)
        os.write(master, answer)

    answering = threading.Thread(target=terminal, daemon=True)
    answering.start()
    assert pictures.asked(slave, slave) == answer
    answering.join(5)
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)


@pytest.mark.parametrize("protocol", ["sixel", "kitty"])
def test_the_worker_encodes_the_figure_for_the_cells(protocol: Any) -> None:
    pytest.importorskip("textual_image")
    from dataclasses import asdict

    from engine.interactive import terminal_picture

    answer = terminal_picture(asdict(sweep()), protocol, 60, 12, [10, 20])
    if protocol == "sixel":
        assert re.match(r'\x1bP0;0;0q"1;1;600;240', answer["sent"])
        assert answer["sent"].endswith("\x1b\\")
    else:
        assert answer["sent"].startswith("\x1b_G")
        assert len(answer["rows"]) == 12
        assert all(row.count("\U0010eeee") == 60 for row in answer["rows"])
        assert len(answer["hue"]) == 3


SIXELS = {"protocol": "sixel", "sent": "\x1bPq#0~\x1b\\", "rows": [], "hue": None}
KITTY = {"protocol": "kitty", "sent": "\x1b_Gi=7;AAAA\x1b\\", "rows": ["\U0010eeee" * 78] * 40, "hue": [0, 0, 7]}


@pytest.mark.parametrize("answer", [SIXELS, KITTY])
async def test_a_key_shows_the_figure_as_a_picture_and_as_cells_again(answer: dict[str, Any]) -> None:
    pictures.use(answer["protocol"])
    worker = Scripted(terminal_picture=answer)
    async with app_with(live(), worker=worker) as (app, pilot):
        page = await push(app, pilot, RunScreen("q-0007"))
        view = page.curves
        cells = [view.render_line(y).text for y in range(view.size.height)]
        await pilot.press("I")
        await until(pilot, lambda: view.pictures.shown is not None and still(view))
        asked = next(values for what, values in worker.asked if what == "terminal_picture")
        assert (asked["columns"], asked["rows"]) == tuple(view.size)
        shown = "".join(segment.text for strip in view.render_lines(view.size.region) for segment in strip)
        assert (answer["sent"] in shown) == (answer is SIXELS)
        assert ("\U0010eeee" in shown) == (answer is KITTY)
        await pilot.press("I")
        await until(pilot, lambda: view.pictures.shown is None and still(view))
        assert [view.render_line(y).text for y in range(view.size.height)] == cells


async def test_a_picture_goes_where_there_is_no_room_for_it_and_with_its_figure() -> None:
    pictures.use("sixel")
    worker = Scripted(terminal_picture=SIXELS)
    async with app_with(live(), size=(80, 40), worker=worker) as (app, pilot):
        page = await push(app, pilot, RunScreen("q-0007"))
        view = page.curves
        await pilot.press("I")
        await until(pilot, lambda: view.pictures.shown is not None and still(view))
        await pilot.resize_terminal(80, 16)
        await until(pilot, lambda: view.pictures.shown is None and still(view))
        assert view.frame is not None
        await pilot.resize_terminal(80, 40)
        await until(pilot, lambda: view.pictures.shown is not None and still(view))
        view.set_figures(())
        await until(pilot, lambda: view.pictures.shown is None and still(view))


async def test_without_such_a_terminal_the_key_is_not_offered() -> None:
    async with app_with(live()) as (app, pilot):
        page = await push(app, pilot, RunScreen("q-0007"))
        assert not page.curves.check_action("curve_picture", ())
        await pilot.press("I")
        assert page.curves.pictures.shown is None


async def test_a_picture_that_cannot_be_made_says_why_and_the_cells_stay() -> None:
    pictures.use("sixel")
    worker = Scripted(terminal_picture=InputError("Pictures need the extra: pip install 'labtui[pictures]'."))
    async with app_with(live(), worker=worker) as (app, pilot):
        page = await push(app, pilot, RunScreen("q-0007"))
        await pilot.press("I")
        await until(pilot, lambda: "Pictures need the extra" in said(app) and still(page.curves))
        assert page.curves.pictures.shown is None
        assert "●" in "".join(page.curves.render_line(y).text for y in range(page.curves.size.height))


def test_a_picture_is_looked_at_as_the_cells_are() -> None:
    figure = looked_at(View(losses(400), 80, 20, log_y=True, window=(0.25, 0.5)))
    assert (figure.x_scale, figure.y_scale, figure.x_range) == ("linear", "log", (125.0, 250.0))
    assert looked_at(View(sweep(), 80, 20)) == sweep()


def test_a_forgotten_picture_is_named_by_its_number() -> None:
    assert Picture.of(KITTY, 78, 40).forgotten == "\x1b_Ga=d,d=I,i=7,q=2\x1b\\"
    assert Picture.of(SIXELS, 78, 40).forgotten == ""
