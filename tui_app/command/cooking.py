"""`labtui run --recipe`: starts the runs of a recipe, follows one after the other, and writes their report."""

import sys
from collections.abc import Sequence
from pathlib import Path

from engine.errors import InputError
from engine.experiments.launch import parse_setting
from engine.recipes import book, launching
from tui_app.command.follow import follow
from tui_app.command.output import print_json, print_run
from tui_app.command.say import say


def cook(
    name: str, *, settings: Sequence[str], offline: bool, report: Path | None, detach: bool, as_json: bool
) -> None:
    """Exits 1 where a run did not finish. All runs are recorded at the start: they go on without the terminal."""
    recipe = book.get(name)
    if detach and report is not None:
        raise InputError("A report is written when the runs have ended: leave --detach out, or export it later.")
    values = dict(map(parse_setting, settings))
    started = launching.start(recipe, values, offline=offline, say=lambda sentence: say(sentence, err=True))
    names = [path.name for path in started]
    if detach:
        if as_json:
            print_json([{"id": path.name, "path": str(path)} for path in started])
        else:
            say("\n".join(names))
        return
    try:
        records = [follow(path) for path in started]
    except KeyboardInterrupt:
        say(f"{', '.join(names)} go on without this terminal; labtui show, or labtui cancel, with an id.", err=True)
        sys.exit(130)
    if as_json:
        from engine.experiments.results import document

        print_json([document(record) for record in records])
    else:
        for record in records:
            print_run(record)
    if report is not None:
        from engine.experiments.report import write_report

        say(write_report(report, records), err=True)
    elif not as_json:
        say(f"The report, with figures: labtui export {' '.join(names)} --report DIR", err=True)
    if any(record.state != "finished" for record in records):
        raise SystemExit(1)
