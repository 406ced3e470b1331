"""A run that cannot be read, in the app; and what a toast repeats from outside."""

from pathlib import Path

from tests.faults.folders import whole_run
from tests.tui.driving import opened, screen_text, until
from tests.tui.recorded import run_record
from tui_app.runs.source import Disk


async def test_a_damaged_run_says_so_on_home_and_on_its_own_page(state: Path) -> None:
    whole_run()
    (whole_run() / "spec.json").write_text("{")
    async with opened(source=Disk(), size=(140, 40)) as (app, pilot):  # type: ignore[arg-type]
        await until(pilot, lambda: "⊠ damaged" in screen_text(app) and "✓ finished" in screen_text(app))
        app.open_run("q-0002")
        await until(pilot, lambda: screen_text(app).count("q-0002 is damaged (spec.json:") == 2)
        assert "`labtui rm q-0002` removes it" in screen_text(app)


async def test_a_toast_brings_no_escapes_along() -> None:
    async with opened(run_record("q-0001")) as (app, pilot):
        app.notify("a\x1b]0;owned\x07b\u202ec\x9b31m", markup=False)
        await pilot.pause()
        assert [toast.message for toast in app._notifications] == ["abc"]
