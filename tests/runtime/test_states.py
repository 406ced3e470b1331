import pytest

from engine.runtime.records import PointRecord, PointState
from engine.runtime.requests import Want
from engine.runtime.states import keeps_failing, settled_state


def points(*entries: str) -> list[PointRecord]:
    """`finished`, `queued`, or `failed:message`, ended in the order given."""
    found = []
    for index, entry in enumerate(entries):
        state, _, message = entry.partition(":")
        over = state in ("finished", "failed")
        error = {"type": "ValueError", "message": message} if state == "failed" else None
        states: dict[str, PointState] = {"finished": "finished", "failed": "failed", "queued": "queued"}
        found.append(PointRecord(index, {}, states[state], ended=float(index) if over else None, error=error))
    return found


@pytest.mark.parametrize(
    ("entries", "want", "expected"),
    [
        (["finished", "failed:x"], "run", "finished"),
        (["finished", "failed:x"], "cancel", "finished"),
        (["failed:x", "failed:y"], "run", "failed"),
        (["finished", "queued"], "run", "interrupted"),
        (["finished", "queued"], "pause", "paused"),
        (["finished", "queued"], "cancel", "cancelled"),
        (["failed:x", "failed:x", "failed:x", "queued"], "run", "failed"),
        (["failed:x", "failed:x", "failed:x", "queued"], "cancel", "cancelled"),
        (["failed:x", "failed:y", "failed:x", "queued"], "run", "interrupted"),
        ([], "run", "finished"),
    ],
)
def test_settled_state(entries: list[str], want: Want, expected: str) -> None:
    assert settled_state(points(*entries), want) == expected


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (["failed:x"] * 2, False),
        (["failed:x"] * 3, True),
        (["failed:y", "failed:x", "failed:x", "failed:x"], True),
        (["failed:x", "failed:x", "finished", "failed:x"], False),
        (["failed:x", "failed:x", "failed:x", "finished"], False),
        (["failed:x", "failed:x", "failed:y"], False),
        ([], False),
    ],
)
def test_three_same_errors_in_a_row(entries: list[str], expected: bool) -> None:
    assert keeps_failing(points(*entries)) is expected
