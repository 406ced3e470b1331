"""The tables of the index, and what each event does to them. Migration is making them again."""

import sqlite3
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from engine.runtime.attempts import Event
from engine.runtime.encoding import dumps, loads
from engine.runtime.records import Phase, Progress

VERSION = 4
SCHEMA = """
CREATE TABLE run(id TEXT PRIMARY KEY, state TEXT NOT NULL, created REAL NOT NULL, started REAL, ended REAL,
    closed INTEGER NOT NULL DEFAULT 0, changes INTEGER NOT NULL DEFAULT 0);
CREATE TABLE point(idx INTEGER PRIMARY KEY, params TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'queued',
    attempt INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0, device TEXT, started REAL, ended REAL,
    result TEXT, error TEXT, progress TEXT, asked REAL, changed INTEGER NOT NULL DEFAULT 0);
CREATE INDEX point_changed ON point(changed);
CREATE INDEX point_ended ON point(ended);
CREATE INDEX point_open ON point(idx) WHERE state NOT IN ('finished', 'failed', 'pruned');
CREATE TABLE offset(task TEXT, attempt INTEGER, bytes INTEGER NOT NULL, PRIMARY KEY(task, attempt)) WITHOUT ROWID;
CREATE TABLE event(seq INTEGER PRIMARY KEY, ts REAL NOT NULL, point INTEGER, attempt INTEGER NOT NULL,
    kind TEXT NOT NULL, data TEXT NOT NULL);
CREATE TABLE metric(seq INTEGER PRIMARY KEY, point INTEGER NOT NULL, attempt INTEGER NOT NULL, key TEXT NOT NULL,
    step REAL, value REAL);
"""
CHANGE = "UPDATE run SET changes = changes + 1"
"""Begins every transaction that touches points: their `changed` is its number, by which readers find them."""
CHANGED = "changed = (SELECT changes FROM run)"
_TRIAL = (
    "INSERT INTO point(idx, params, asked, changed) SELECT ?1, ?2, ?3, changes FROM run WHERE true "
    f"ON CONFLICT(idx) DO UPDATE SET params = ?2, asked = ?3, {CHANGED}"
)
_KNOWN_BY_ATTEMPTS = _TRIAL + " WHERE asked IS NULL AND params != ?2"  # of a trial whose own line has been lost
OPEN = "state NOT IN ('finished', 'failed', 'pruned')"


def apply(connection: sqlite3.Connection, event: Event, attempt: int) -> None:
    """Puts one line of a log into the tables, in a transaction that `CHANGE` began. What has ended stays as it is."""
    run, point, data = connection.execute, event.point, event.data
    if event.kind == "start":
        run("UPDATE run SET started = min(ifnull(started, ?1), ?1)", (event.ts,))
        known = zip(data["points"], data.get("params") or (), strict=False)
        rows = ((started, dumps(params), event.ts) for started, params in known)
        connection.executemany(_KNOWN_BY_ATTEMPTS, rows)
        for started in data["points"]:
            run(
                "UPDATE point SET state = 'running', attempt = ?, device = ?, started = ?, ended = NULL, "
                f"progress = NULL, {CHANGED} WHERE idx = ? AND {OPEN}",
                (attempt, data["device"], event.ts, started),
            )
    elif event.kind == "metric":
        run(
            "INSERT INTO metric(point, attempt, key, step, value) VALUES(?, ?, ?, ?, ?)",
            (point, attempt, data["key"], data["step"], data["value"]),
        )
    elif event.kind == "progress":
        row = run("SELECT progress FROM point WHERE idx = ?", (point,)).fetchone()
        before = Progress(**loads(row[0])) if row and row[0] else Progress(0, 0)
        told = before.followed(data["done"], data["total"], data["text"], event.ts, _phase(data))
        run(f"UPDATE point SET progress = ?, {CHANGED} WHERE idx = ? AND {OPEN}", (dumps(asdict(told)), point))
    elif event.kind in ("finished", "failed", "pruned"):
        column = "error" if event.kind == "failed" else "result"
        run(
            f"UPDATE point SET state = ?, {column} = ?, ended = ?, progress = NULL, {CHANGED} WHERE idx = ? AND {OPEN}",
            (event.kind, dumps(data), event.ts, point),
        )
    elif event.kind == "crashed":
        run(
            "UPDATE point SET state = 'queued', crashes = crashes + 1, progress = NULL, "
            f"{CHANGED} WHERE idx = ? AND {OPEN}",
            (point,),
        )
    elif event.kind == "trial":
        run(_TRIAL, (point, dumps(data["params"]), event.ts))
    elif event.kind == "more":
        for number, params in enumerate(data["points"], start=data["first"]):
            run(
                "INSERT OR IGNORE INTO point(idx, params, changed) SELECT ?, ?, changes FROM run",
                (number, dumps(params)),
            )
    if event.kind not in ("metric", "progress"):
        run(
            "INSERT INTO event(ts, point, attempt, kind, data) VALUES(?, ?, ?, ?, ?)",
            (event.ts, point, attempt, event.kind, dumps(data)),
        )


def _phase(data: Mapping[str, Any]) -> Phase:
    """The phase of a report; logs of 0.1 name it in the text."""
    said = data.get("phase", str(data["text"]).partition(",")[0])
    return Phase.TRAINING if said == Phase.TRAINING else Phase.WORKING
