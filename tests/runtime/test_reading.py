"""Reading on from where one stopped says what reading everything anew says; what is unchanged stays the same object."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.runtime.attempts import DAMAGED, Event
from engine.runtime.index import Index
from engine.runtime.reading import Reading
from engine.runtime.records import Phase, RunRecord
from engine.runtime.runs import RunReader, create_run, read_run
from engine.runtime.spec import RunSpec
from engine.runtime.tables import CHANGE, apply

POINTS = 4
"""Of the spec; `more` and `trial` add others."""

points = st.integers(0, POINTS - 1)
numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
events = st.one_of(
    st.tuples(st.just("start"), points, st.builds(dict, device=st.just("cpu"))),
    st.tuples(st.just("metric"), points, st.builds(dict, key=st.sampled_from("ab"), step=numbers, value=numbers)),
    st.tuples(
        st.just("progress"), points, st.builds(dict, done=st.floats(0, 9), total=st.just(9.0), text=st.just("training"))
    ),
    st.tuples(st.just("finished"), points, st.builds(dict, score=numbers)),
    st.tuples(st.just("failed"), points, st.builds(dict, type=st.just("E"), message=st.sampled_from("xy"))),
    st.tuples(st.just("pruned"), points, st.builds(dict, score=numbers)),
    st.tuples(st.just("crashed"), points, st.just({})),
    st.tuples(st.just("note"), st.none(), st.dictionaries(st.sampled_from("ab"), numbers, min_size=1)),
    st.tuples(st.just("trial"), st.integers(0, POINTS), st.builds(dict, params=st.builds(dict, x=numbers))),
    st.tuples(st.just(DAMAGED), st.none(), st.just({})),
)
batches = st.lists(st.tuples(st.lists(events, max_size=4), st.integers(1, 3), st.booleans()), max_size=8)


def index_of(directory: Path) -> Index:
    spec = RunSpec(
        id="t-0001",
        name="t",
        experiment="t",
        seed=0,
        devices=("cpu",),
        group=1,
        reserve=0,
        created=0.0,
        config={},
        points=[{"x": number} for number in range(POINTS)],
        versions={},
    )
    return Index.in_memory(directory, spec)


@settings(deadline=None)
@given(batches, st.randoms())
def test_reading_on_is_reading_anew(
    tmp_path_factory: pytest.TempPathFactory, found: Sequence[tuple[Any, ...]], random: Any
) -> None:
    directory = tmp_path_factory.mktemp("run")
    (directory / "want").write_text("run")
    index, clock = index_of(directory), count(1)
    connection = index.connection
    on = Reading(index.spec, directory, metrics=True)
    on.read_on(connection)
    for batch, attempt, requeued in found:
        connection.execute("BEGIN")
        connection.execute(CHANGE)
        for kind, point, data in batch:
            said = data | {"points": [point]} if kind == "start" else data
            apply(connection, Event(float(next(clock)) + random.random(), kind, point, said), attempt)
        connection.execute("COMMIT")
        if requeued:
            index.requeue()
        if random.random() < 0.7:  # several changes may come between two readings
            on.read_on(connection)
    on.read_on(connection)
    anew = Reading(index.spec, directory, metrics=True)
    anew.read_on(connection)
    for driven in (True, False):
        for want in ("run", "pause", "cancel"):
            assert on.record(driven=driven, want=want) == anew.record(driven=driven, want=want)  # type: ignore[arg-type]
    before = on.record(driven=True, want="run").points
    on.read_on(connection)
    assert all(a is b for a, b in zip(before, on.record(driven=True, want="run").points, strict=True))
    index.close()


def test_what_a_run_is_asked_for_its_points_follows_from_their_states() -> None:
    from dataclasses import replace

    from tests.tui.recorded import run_record

    run: RunRecord = run_record("q-0001", state="running", done=3)
    assert (run.done, len(run.finished), [point.index for point in run.running]) == (3, 3, [3])
    other = replace(run, points=run.points[:2])
    assert (other.done, len(other.finished), other.running) == (2, 2, ())
    assert run == replace(run)


def test_a_reader_keeps_the_points_that_have_not_changed(state: Path) -> None:
    from engine.runtime.attempts import AttemptFile, AttemptLog

    path = create_run(experiment="t", config={}, points=[{"x": n} for n in range(3)], versions={})
    reader = RunReader(path)
    before = reader.poll()
    log = AttemptLog.create(AttemptFile.of(path, "0001", 1).path)
    log.emit("start", 1, {"points": [1], "device": "cpu"})
    log.emit("metric", 1, {"key": "loss", "step": 1, "value": 0.5})
    after = reader.poll()
    assert before is not None
    assert after is not None
    assert [a is b for a, b in zip(before.points, after.points, strict=True)] == [True, False, True]
    assert after.points[1].metrics == {"loss": ((1.0, 0.5),)}
    log.emit("metric", 1, {"key": "loss", "step": 2, "value": 0.25})
    log.emit("finished", 1, {"score": 1})
    assert reader.poll() == read_run(path, metrics=True)
    reader.close()


@pytest.mark.parametrize(
    ("told", "phase"),
    [
        ({"text": "training, 5 texts/s", "phase": "training"}, Phase.TRAINING),
        ({"text": "training the built-in model, loss 0.4", "phase": "working"}, Phase.WORKING),
        ({"text": "training, 5 texts/s"}, Phase.TRAINING),
        ({"text": "training the built-in model, loss 0.4"}, Phase.WORKING),
    ],
)
def test_a_phase_is_read_as_it_was_recorded_and_in_logs_of_0_1_off_the_text(
    tmp_path: Path, told: dict[str, Any], phase: Phase
) -> None:
    index = index_of(tmp_path)
    apply(index.connection, Event(1.0, "start", 0, {"points": [0], "device": "cpu"}), 1)
    apply(index.connection, Event(2.0, "progress", 0, {"done": 1.0, "total": 4.0, **told}), 1)
    reading = Reading(index.spec, tmp_path, metrics=False)
    reading.read_on(index.connection)
    progress = reading.record(driven=True, want="run").points[0].progress
    assert progress is not None
    assert progress.phase == phase
    assert progress.trained == (0.25 if phase == Phase.TRAINING else 0.0)
    index.close()
