"""What the app's process must never import, and what not before first paint; seen from a process of its own."""

import subprocess
import sys

import pytest

NEVER = ("torch", "transformers", "optuna", "matplotlib", "datasets", "numba")
NOT_AT_START = (*NEVER, "numpy", "pydantic", "sqlite3", "plotext", "pynvml", "engine.experiments.api")

AT_START = """
import sys
import tui_app.__main__
from tui_app.app import LabApp
LabApp().MODES["home"]()
print(*(name for name in {names!r} if name in sys.modules))
"""

OPENED = """
import asyncio, sys
from tests.tui.driving import drawn, opened
from tests.tui.recorded import run_record

async def visit():
    async with opened(run_record("q-0001"), run_record("q-0002"), size=(140, 40)) as (app, pilot):
        await pilot.press("space", "space")
        await drawn(app, pilot)
        for tab in app.MODES:
            await app.switch_mode(tab)
            await pilot.pause()

asyncio.run(visit())
print(*(name for name in {names!r} if name in sys.modules))
"""

RUN = """
import sys
import tui_app.command.main
from tui_app.command import follow, output, run
print(*(name for name in {names!r} if name in sys.modules))
"""


@pytest.mark.parametrize(
    ("script", "names"),
    [(AT_START, NOT_AT_START), (OPENED, NEVER), (RUN, (*NEVER, "numpy", "textual"))],
    ids=["at start", "opened", "labtui run"],
)
def test_the_process_stays_light(script: str, names: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", script.format(names=names)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
