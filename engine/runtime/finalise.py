"""Where a run stands when nobody works on it any more."""

import sqlite3
from contextlib import suppress
from pathlib import Path

from engine.runtime.attempts import attempt_files
from engine.runtime.index import Index
from engine.runtime.records import RunState
from engine.runtime.requests import Want
from engine.runtime.spec import RunSpec


def finalise(directory: Path, spec: RunSpec, want: Want, index: Index | None = None) -> RunState:
    """For the holder of the lock: takes in what the logs hold, closes the index, returns the run's state.

    Where the index cannot be written the state is not recorded: it follows from logs and `want` all the same.
    """
    with suppress(sqlite3.Error, OSError):
        index = index or Index.open(directory, spec)
        state = _record(index, want)
        index.close()
        return state
    return _record(Index.in_memory(directory, spec), want)


def _record(index: Index, want: Want) -> RunState:
    index.ingest(attempt_files(index.directory))
    index.requeue()
    run = index.record(want, driven=False)
    if run.state != "interrupted":  # which is never stored: it is to be queued or running with the lock free
        index.set_state(run.state, run.ended)
    return run.state
