"""A finished run with every file that a run can have, and what must hold of a list in which one run is damaged."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from engine.runtime.attempts import AttemptFile, AttemptLog, append_events, trials_file
from engine.runtime.index import Index
from engine.runtime.requests import ask
from engine.runtime.runs import create_run
from engine.runtime.spec import RunSpec
from tests.tui.recorded import BASELINE, result_of
from tui_app.command.main import cli
from tui_app.runs.notice import failure
from tui_app.runs.source import Disk
from tui_app.runs.summary import Summary
from tui_app.runs.watcher import Watcher
from tui_app.screens.home.facts import facts
from tui_app.screens.home.rows import row

FILES = ("spec.json", "want", "lock", "trials.jsonl", "attempts/0000.1.jsonl", "attempts/0001.1.jsonl", "run.db")
FILES += ("run.db-wal", "logs/0000.1.log", "logs/driver.log", "wishes/1.json")
FOLDERS = ("attempts", "logs", "artifacts", "wishes")


def whole_run() -> Path:
    """Two points of `quantize`, one finished and one failed, with an index and logs."""
    grid = [{"mode": "ptq", "format": f"fixed({width})", "width": width} for width in (4, 8)]
    path = create_run(experiment="quantize", config={"widths": [4, 8]}, points=grid, versions={"python": "3"})
    for point in (0, 1):
        log = AttemptLog.create(AttemptFile.of(path, f"{point:04d}", 1).path)
        log.emit("start", None, {"points": [point], "device": "cpu"})
        log.emit("note", None, {"baseline": BASELINE})
        log.emit("metric", point, {"key": "loss", "value": 0.5, "step": 1.0})
        log.emit("progress", point, {"done": 1.0, "total": 2.0, "text": "training"})
        if point:
            log.emit("failed", point, {"type": "ValueError", "message": "no", "traceback": "line"})
        else:
            log.emit("finished", point, result_of(4, "ptq"))
    append_events(trials_file(path).path, [("trial", 1, {"params": grid[1]})])
    ask(path, "run")
    Index.open(path, RunSpec.read(path)).close()
    for name in ("logs/0000.1.log", "logs/driver.log", "wishes/1.json"):
        (path / name).parent.mkdir(mode=0o700, exist_ok=True)
        (path / name).write_text('{"more": 1}\n')
    return path


def labtui(*words: str) -> Result:
    """A command that ends with an exit code and never with a traceback."""
    result = CliRunner().invoke(cli, list(words))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert not set(result.output) & set("\x1b\x07\x9b\u202e"), result.output
    return result


def on_home() -> dict[str, Summary]:
    """The runs as Home reads and draws them."""
    watcher = Watcher(Disk())
    found: dict[str, Summary] = {}
    while (news := watcher.look(frozenset())) is not None:
        assert news.trouble == ""
        found |= news.summaries
    for followed in found:
        records = {}
        while (news := watcher.look(frozenset([followed]))) is not None:
            records |= news.records
            found |= news.summaries
        assert row(found[followed], 0.0, None, None, False).key == followed
        assert facts(found[followed], records.get(followed), None, 0.0)
        if found[followed].state == "damaged":
            assert failure(records[followed]) == found[followed].problem
    watcher.close()
    return found


def assert_the_others_are_untouched(damaged: Path, good: Path) -> None:
    """Both are listed, the good one as it is; the damaged one is shown in words, and can be removed."""
    listed = {one["id"]: one for one in json.loads(labtui("runs", "--json").stdout)}
    assert listed.keys() == {damaged.name, good.name}
    assert (listed[good.name]["state"], listed[good.name]["problem"]) == ("finished", "")
    assert listed[damaged.name]["state"] != "damaged" or damaged.name in listed[damaged.name]["problem"]
    assert damaged.name in labtui("runs").stdout
    shown = labtui("show", damaged.name)
    assert shown.exit_code == 0 or shown.stderr.startswith("labtui: "), shown.output
    labtui("show", damaged.name, "--json")
    labtui("logs", damaged.name)
    seen = on_home()
    assert seen.keys() == {damaged.name, good.name}
    assert seen[good.name].state == "finished"
    assert (seen[damaged.name].state == "damaged") == (listed[damaged.name]["state"] == "damaged")
    assert labtui("rm", damaged.name, "--yes").exit_code == 0
    assert not damaged.exists()
    assert labtui("show", good.name).exit_code == 0
