"""The terminal tells when a run ends while the app is open."""

from typing import Any

import pytest

from tests.tui.driving import opened, until
from tests.tui.recorded import MemorySource, run_record
from tui_app.alerts import Alerts, sequence
from tui_app.config import Config
from tui_app.runs.summary import summarize


def test_only_runs_seen_at_work_that_end_by_themselves_are_news() -> None:
    alerts = Alerts(("bell",))
    going, done = (summarize(run_record("q-0001", state=state, done=3)) for state in ("running", "finished"))
    assert alerts.look([done]) == ""
    assert alerts.look([going]) == ""
    assert alerts.look([done]) == "\a"
    assert alerts.look([done]) == ""
    assert alerts.look([going, summarize(run_record("q-0001", state="cancelled", done=3))]) == ""
    assert Alerts(()).look([going, done]) == ""


def test_what_is_written_to_the_terminal() -> None:
    text = "q-1 a;b\x1b]0;owned\x07: finished"
    assert sequence("bell", text, {}) == "\a"
    assert sequence("osc9", text, {}) == "\x1b]9;q-1 a,b: finished\a"
    assert sequence("osc777", text, {}) == "\x1b]777;notify;labtui;q-1 a,b: finished\a"
    assert sequence("osc9", "x", {"TMUX": "1"}) == "\x1bPtmux;\x1b\x1b]9;x\a\x1b\\"


async def test_the_app_tells_through_its_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    source = MemorySource(run_record("q-0007", state="running", done=2, age=400))
    written: list[str] = []
    async with opened(source=source, config=Config(alert=("bell", "osc9"))) as (app, pilot):
        driver: Any = app._driver
        monkeypatch.setattr(driver, "write", written.append)
        source.put(run_record("q-0007", state="finished", age=400))
        await until(pilot, lambda: any("finished, 8 of 8" in text for text in written))
    assert written[0].startswith("\a\x1b]9;q-0007 bert-tiny imdb: finished")
