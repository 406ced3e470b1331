from pathlib import Path

import pytest

from engine.runtime.attempts import (
    AttemptFile,
    AttemptLog,
    append_events,
    attempt_files,
    first_event,
    read_events,
    task_name,
)

START = {"points": [3], "device": "cpu"}
FAILURE = {"type": "ValueError", "message": "no"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "attempts").mkdir()
    return AttemptFile.of(tmp_path, "0003", 1).path


def _kinds(path: Path, offset: int = 0) -> list[str]:
    return [event.kind for event in read_events(path, offset)[0]]


def test_lines_carry_time_number_kind_point_and_data(path: Path) -> None:
    log = AttemptLog.create(path)
    log.emit("start", None, START)
    log.emit("metric", 3, {"key": "loss", "step": 1.0, "value": float("nan")}, durable=True)
    second = path.read_text().splitlines()[1]
    assert '"n":1,"kind":"metric","point":3,"data":{"key":"loss","step":1.0,"value":"float:nan"}}' in second
    assert [event.point for event in read_events(path)[0]] == [None, 3]


def test_a_torn_tail_waits_for_its_newline(path: Path) -> None:
    log = AttemptLog.create(path)
    log.emit("start", None, START)
    with path.open("ab") as file:
        file.write(b'{"ts":1,"n":1,"kind":"metric",')
    events, offset = read_events(path)
    assert [event.kind for event in events] == ["start"]
    with path.open("ab") as file:
        file.write(b'"point":0,"data":{"key":"loss","step":1,"value":2}}\n')
    assert _kinds(path, offset) == ["metric"]


@pytest.mark.parametrize(
    "line",
    [
        *(b"\n", b"garbage\n", b"[1]\n", b'{"ts":1,"kind":"x"}\n', b"\0\0\0\n", b"\xff\n", b"NaN\n"),
        *(
            b'{"ts":1,"kind":"%s","point":3,"data":{}}\n' % kind
            for kind in (b"start", b"metric", b"progress", b"failed")
        ),
        b'{"ts":1,"kind":"start","point":null,"data":{"points":["a"],"device":"cpu"}}\n',
        b'{"ts":1,"kind":"finished","point":{},"data":{}}\n',
        b'{"ts":1,"kind":"finished","point":-1,"data":{}}\n',
        b'{"ts":1,"kind":"finished","point":%d,"data":{}}\n' % (10**20),
        b'{"ts":1,"kind":"finished","point":3,"data":%s}\n' % (b'{"a":' * 5000 + b"1" + b"}" * 5000),
        b'{"ts":1,"kind":"finished","point":3,"data":%s}\n' % (b'{"a":' * 500 + b"1" + b"}" * 500),
        b'{"ts":%d,"kind":"finished","point":3,"data":{}}\n' % (10**400),
        b'{"ts":"float:nan","kind":"finished","point":3,"data":{}}\n',
        b'{"ts":1,"kind":"\\ud800","point":3,"data":{}}\n',
        b'{"ts":1,"kind":"metric","point":3,"data":{"key":"\\ud800","step":1,"value":1}}\n',
        b'{"ts":1,"kind":"metric","point":3,"data":{"key":"a","step":%d,"value":1}}\n' % (10**30),
        b'{"ts":1,"kind":"more","point":null,"data":{"first":3,"points":[[]]}}\n',
    ],
)
def test_a_damaged_line_is_known_as_such_and_says_nothing(path: Path, line: bytes) -> None:
    AttemptLog.create(path).emit("start", None, START)
    append_events(path, [("failed", 3, FAILURE)])
    path.write_bytes(path.read_bytes() + line)
    append_events(path, [("crashed", 3, {})])
    assert _kinds(path) == ["start", "failed", "damaged", "crashed"]


def test_appending_after_the_writer_is_dead_removes_its_torn_line(path: Path) -> None:
    AttemptLog.create(path).emit("start", None, START)
    path.write_bytes(path.read_bytes() + b'{"ts":1.0,"n')
    append_events(path, [("crashed", 3, {"signal": 9}), ("failed", 3, FAILURE)])
    events, _ = read_events(path)
    assert [(event.kind, event.point) for event in events] == [("start", None), ("crashed", 3), ("failed", 3)]
    assert [line.split('"n":')[1][0] for line in path.read_text().splitlines()] == ["0", "1", "2"]


def test_an_attempt_is_never_overwritten(path: Path) -> None:
    AttemptLog.create(path)
    with pytest.raises(FileExistsError):
        AttemptLog.create(path)


def test_missing_log_is_empty(path: Path) -> None:
    assert read_events(path, 0) == ([], 0)


def test_names() -> None:
    assert task_name([4]) == "0004"
    assert task_name([4, 5, 12345]) == "0004-12345"


def test_files_sort_by_attempt_and_ignore_strangers(tmp_path: Path) -> None:
    folder = tmp_path / "attempts"
    folder.mkdir()
    for name in ("0002.10.jsonl", "0002.9.jsonl", "0000-0003.1.jsonl", "notes.txt", "x.1.jsonl"):
        (folder / name).touch()
    assert [file.path.name for file in attempt_files(tmp_path)] == [
        "0000-0003.1.jsonl",
        "0002.9.jsonl",
        "0002.10.jsonl",
    ]
    group = attempt_files(tmp_path)[0]
    assert [group.may_hold(point) for point in (0, 3, 4)] == [True, True, False]


def test_the_first_event_is_read_alone(path: Path) -> None:
    assert first_event(path) is None
    log = AttemptLog.create(path)
    assert first_event(path) is None
    log.emit("start", None, START)
    with path.open("ab") as file:
        file.truncate(1 << 40)  # sparse: reading it whole would not end well
    event = first_event(path)
    assert event is not None
    assert event.data == START
