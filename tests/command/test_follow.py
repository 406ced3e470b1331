"""A run in the foreground: what it waits for is said, once, and that it goes on."""

from io import StringIO

from rich.console import Console

from engine.runtime.states import STARTING
from tests.tui.recorded import run_record
from tui_app.command.follow import WAIT_SECONDS, _bars, _Shown


def test_a_run_that_waits_says_so() -> None:
    console = Console(file=StringIO(), width=200)
    shown = _Shown(_bars(console), console)

    def told(problem: str, *moments: float) -> list[str]:
        shown.update(run_record("q-0002", state="queued", done=0, problem=problem))
        for moment in moments:
            shown.wait(moment)
        console.file.seek(0)  # type: ignore[attr-defined]
        lines: list[str] = console.file.read().splitlines()  # type: ignore[attr-defined]
        return [line.strip() for line in lines[1:]]

    assert told(STARTING, 0.0, 60.0) == []
    assert told("waiting for cpu, used by q-0001", 61.0, 61.0 + WAIT_SECONDS / 2) == []
    waits = "⋯ waiting for cpu, used by q-0001; labtui cancel q-0002 ends it"
    assert told("waiting for cpu, used by q-0001", 61.0 + WAIT_SECONDS, 63.0, 90.0) == [waits]
    disk = "the disk is nearly full: {} GiB free, 1 GiB needed to go on"
    full = [waits, f"⋯ {disk.format(0.51)}; labtui cancel q-0002 ends it"]
    told(disk.format(0.5), 100.0)
    assert told(disk.format(0.51), 101.0, 103.0) == full
    assert told(disk.format(0.62), 104.0, 109.0) == full
    assert told("", 110.0, 112.0) == [*full, "⋯ goes on"]


def test_what_goes_to_a_file_keeps_its_lines() -> None:
    console = Console(file=StringIO(), width=20)
    _Shown(_bars(console), console).update(run_record("q-0002", state="finished", done=1))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 1 + 1
    assert lines[1].endswith("%")
