"""What people ask of a search while it is there: more trials, a trial of their own. Kept until the driver grants it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.experiments import results
from engine.runtime import control
from engine.runtime.records import RunRecord
from engine.runtime.runs import read_run
from engine.runtime.trials import Study, wish
from engine.search.keys import CHOSEN, GIVEN, SEED, TRIAL
from engine.search.space_text import parse_value


def extend(path: Path, count: int) -> None:
    """`count` more trials of every curve. A search that has finished goes on; a paused one has them when resumed.

    Raises:
        InputError: no search, a cancelled one, or a grid that has no combination left.
    """
    run, study = _search(path)
    if count < 1:
        raise InputError("give the number of trials to add, 1 or more.")
    study.more(count, run)
    wish(path, {"more": count})
    _see_to_it(run)


def enqueue(path: Path, params: Mapping[str, Any]) -> None:
    """The next trial of a curve takes these parameters; with labels such as `sampler` of that curve.

    Raises:
        InputError: no search, a cancelled one, or parameters that its space does not hold.
    """
    run, study = _search(path)
    read = {name: parse_value(value.strip()) if isinstance(value, str) else value for name, value in params.items()}
    study.place(read, run)
    wish(path, {"try": read})
    _see_to_it(run)


def suggestion(path: Path) -> str:
    """Parameters to start from when a trial is written by hand: those of the chosen trial, else of the first asked."""
    run, _ = _search(path)
    choice = results.best(run)
    trials = [point for point in run.points if TRIAL in point.params and point.state != "queued"]
    index = choice.index if choice is not None else trials[0].index if trials else None
    if index is None:
        return ""
    params = run.points[run.points[index].params.get(CHOSEN, index)].params
    return "; ".join(f"{name}={value}" for name, value in params.items() if name not in (TRIAL, GIVEN, SEED))


def export_studies(run: RunRecord, url: str) -> list[str]:
    """Writes the studies of a search into the database at `url`. Returns their names.

    Raises:
        InputError: no search, or a database that cannot be written.
    """
    from engine.search.ended import export
    from engine.search.studies import Studies

    experiment, config = results.opened(run)
    study = experiment.study(config)
    if not isinstance(study, Studies):
        raise InputError(f"{run.id} is a run of {run.experiment} and has no study; name a search.")
    return export(study.series, run, url)


def read_params(text: str) -> dict[str, str]:
    """`a=1; b=2` as parameters. Raises InputError for a part that is none."""
    found: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.replace("\n", ";").split(";"))):
        name, sign, value = part.partition("=")
        if not sign or not name.strip() or not value.strip():
            raise InputError(f"a parameter is written name=value, with ; between; {part!r} is not.")
        found[name.strip()] = value.strip()
    return found


def _search(path: Path) -> tuple[RunRecord, Study]:
    run = read_run(path)
    experiment, config = results.opened(run)
    study = experiment.study(config)
    if study is None:
        raise InputError(f"{run.id} is a run of {run.experiment}, whose points were all known at launch.")
    if run.state == "cancelled":
        raise InputError(f"{run.id} is cancelled; start it anew with `r` on its page.")
    return run, study


def _see_to_it(run: RunRecord) -> None:
    """Starts a driver where a search has finished; one that is at work looks by itself."""
    if run.state not in ("paused", "interrupted"):
        control.start(run.path)
