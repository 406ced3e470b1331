"""Which runs Home shows, and in what order."""

import random

from tests.tui.recorded import NOW, run_record
from tui_app.runs.board import LIMIT, SORTS, Board
from tui_app.runs.summary import Summary, summarize


def runs_of(n: int) -> dict[str, Summary]:
    order = random.Random(3)
    found = {}
    for index in range(n):
        state = order.choice(("finished", "paused", "queued"))
        widths = order.sample(range(2, 17), 3)
        done = 0 if state == "queued" else order.randint(0, 3) if state == "paused" else 3
        record = run_record(
            f"q-{index:04d}", name=order.choice("abcdef"), state=state, widths=widths, done=done, age=n - index
        )
        found[record.id] = summarize(record)
    return found


def test_newest_first_and_never_more_than_the_limit() -> None:
    runs = runs_of(LIMIT + 50)
    board = Board()
    board.update(runs, runs)
    assert board.shown() == sorted(runs, reverse=True)[:LIMIT]


def test_every_order_agrees_with_sorting_anew_after_random_changes() -> None:
    order = random.Random(5)
    for sort in SORTS:
        runs = runs_of(60)
        board = Board()
        while board.sort != sort:
            board.next_sort(runs)
        board.update(runs, runs)
        board.shown()
        for step in range(40):
            name = order.choice(sorted(runs))
            if step % 5 == 4:
                runs = {key: run for key, run in runs.items() if key != name}
            else:
                record = run_record(name, name="zz", widths=(2, 3, 4), done=order.randint(1, 3), state="paused")
                runs = {**runs, name: summarize(record)}
            board.update(runs, [name])
        fresh = Board()
        fresh.sort, fresh.descending = board.sort, board.descending
        fresh.update(runs, runs)
        assert board.shown() == fresh.shown()


def test_runs_without_a_value_stay_last_in_both_directions() -> None:
    runs = runs_of(40)
    board = Board()
    while board.sort != "metric":
        board.next_sort(runs)
    for _ in range(2):
        values = [runs[name].metric for name in board.shown()]
        missing = values.index(None)
        assert all(value is None for value in values[missing:])
        board.reverse()


def test_failures_to_be_opened_stand_above_all() -> None:
    runs = runs_of(10)
    board = Board()
    board.update(runs, runs)
    board.put_first(frozenset(["q-0002"]))
    assert board.shown()[0] == "q-0002"
    board.put_first(frozenset())
    assert board.shown()[0] == "q-0009"


def test_the_filter_keeps_up_with_changes() -> None:
    runs = runs_of(20)
    board = Board()
    board.filter("state:failed", runs, NOW)
    assert board.shown() == []
    error = {"type": "E", "message": "m"}
    runs["q-0003"] = summarize(run_record("q-0003", state="failed", done=0, error=error))
    board.update(runs, ["q-0003"])
    assert board.shown() == ["q-0003"]
