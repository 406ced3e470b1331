"""Awkward states, as text: what the screen shows must fit, line up, and stay literal."""

import math
from collections.abc import Callable

import pytest
from rich.cells import cell_len

from engine.runtime.records import RunRecord
from tests.tui.driving import check_snapshot, drawn, opened, screen_text, until
from tests.tui.recorded import NOW, MemorySource, run_record
from tui_app.app import LabApp
from tui_app.memory import Memory, Notebook

ERROR = {"type": "OutOfMemoryError", "message": "CUDA out of memory at encoder.layer.9", "traceback": "Traceback\n"}


def busy() -> list[RunRecord]:
    """A day's work."""
    return [
        run_record("q-0143", name="after lunch", state="queued", done=0, age=60, problem="waiting for cpu"),
        run_record("q-0142", name="bert-tiny imdb 2-16", state="running", modes=("ptq", "qat"), done=9, age=312),
        run_record("q-0141", name="auto fraction", modes=("ptq", "qat"), age=4000),
        run_record("q-0140", name="half fraction", widths=(4, 6, 8), age=7200),
        run_record("q-0139", name="bert-base w4", state="failed", done=2, age=8200, error=ERROR),
        run_record("q-0138", name="integer grid", state="paused", done=5, age=86400),
        run_record("q-0137", name="widths 2-32", state="interrupted", done=3, age=90000),
        run_record("q-0136", name="smoke", state="cancelled", done=1, age=100000),
        run_record("q-0001", name="fp32 reference", widths=(16,), age=3 * 86400),
    ]


def named(*names: str) -> list[RunRecord]:
    return [run_record(f"q-{index:04d}", name=name, age=60 * (index + 1)) for index, name in enumerate(names)]


def nan_loss() -> list[RunRecord]:
    return [run_record("q-0001", name="diverged", losses=(0.7, 1.9, math.nan, math.inf, math.nan))]


GALLERY: dict[str, Callable[[], list[RunRecord]]] = {
    "no-runs": list,
    "one-run": lambda: [run_record("q-0001")],
    "busy": busy,
    "no-points": lambda: [run_record("q-0001", widths=()), run_record("q-0002", state="queued", done=0)],
    "nan-loss": nan_loss,
    "failed": lambda: [run_record("q-0001", name="bert-base w4", state="failed", done=2, error=ERROR)],
    "names": lambda: named(
        "a-name-of-forty-characters-which-is-a-lot",
        "電影評論 四位元量化實驗 第二回合",
        "émoji 🚀🔥 run 👩‍🔬",
        "[bold red]markup[/] $primary [@click=app.quit]x[/]",
        "esc\x1b[31mapes\x1b]0;title\x07 and \x08controls\nand lines",
        "\u202eright to left\u202c",
    ),
}
SIZES = {"80x24": (80, 24), "140x40": (140, 40), "60x24": (60, 24)}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", GALLERY)
async def test_home(name: str, size: str) -> None:
    async with opened(*GALLERY[name](), size=SIZES[size]) as (app, pilot):
        await drawn(app, pilot)
        fits(app, *SIZES[size])
        check_snapshot(app, f"home-{name}-{size}")


async def test_home_in_ascii() -> None:
    """Nothing outside ASCII is on the screen but what the user wrote."""
    async with opened(*busy(), plain=True) as (app, pilot):
        await drawn(app, pilot)
        check_snapshot(app, "home-busy-ascii-80x24")
        assert screen_text(app).isascii()
        await pilot.press("question_mark")
        assert app.screen._compositor.render_strips()
        assert screen_text(app).isascii()


async def test_home_on_return() -> None:
    Notebook().write(Memory(left=NOW - 50_000, baseline="q-0001"))
    async with opened(*busy()) as (app, pilot):
        await drawn(app, pilot)
        check_snapshot(app, "home-return-80x24")


async def test_marked_runs_with_a_baseline() -> None:
    async with opened(*busy(), size=(140, 40)) as (app, pilot):
        await pilot.press("G", "b", "g", "j", "j", "space", "space")
        await drawn(app, pilot)
        check_snapshot(app, "home-marked-140x40")


async def test_five_thousand_runs() -> None:
    """At most 300 lines are made, the count is told, and the filter still finds the oldest."""
    record = run_record("q-0001", widths=(2, 4))
    from dataclasses import replace

    many = [
        replace(record, id=f"q-{n:04d}", name=f"run {n}", created=NOW - n, path=record.path.with_name(f"q-{n:04d}"))
        for n in range(5000)
    ]
    async with opened(source=MemorySource(*many)) as (app, pilot):
        table = app.screen.query_one("#table")
        assert len(table.rows) == 300  # type: ignore[attr-defined]
        assert "300 of 5,000" in screen_text(app)
        await pilot.press("slash", *"id:q-4999")
        await until(pilot, lambda: len(table.rows) == 1)  # type: ignore[attr-defined]
        assert "1 of 5,000" in screen_text(app)


async def test_a_state_folder_that_cannot_be_read() -> None:
    source = MemorySource()
    source.trouble = OSError(13, "Permission denied")
    async with opened(source=source) as (app, pilot):
        await until(pilot, lambda: "Permission denied" in screen_text(app))


async def test_resizing_keeps_the_screen_whole() -> None:
    async with opened(*busy()) as (app, pilot):
        for size in ((60, 20), (200, 50), (40, 12), (80, 24), (20, 6), (80, 24)):
            await pilot.resize_terminal(*size)
            await drawn(app, pilot)
            fits(app, *size)


def fits(app: LabApp, width: int, height: int) -> None:
    """The screen is as high as the terminal, and no line is wider."""
    lines = screen_text(app).splitlines()
    assert len(lines) == height
    assert max(cell_len(line) for line in lines) <= width
