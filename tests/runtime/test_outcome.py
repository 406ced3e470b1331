import pytest

from engine.runtime.child import OUT_OF_MEMORY
from engine.runtime.outcome import CRASHES, judge

AGAIN = {
    "host died": (None, {3: 0, 4: 3}, ((3, 4),)),
    "nothing left": (-9, {}, ()),
    "too big": (OUT_OF_MEMORY, {1: 0, 2: 0, 3: 0}, ((1,), (2, 3))),
    "too big, alone": (OUT_OF_MEMORY, {1: 0}, ()),
    "killed": (-9, {1: 0}, ((1,),)),
    "killed together": (-9, {1: 0, 2: 0, 3: 0, 4: 0}, ((1, 2), (3, 4))),
    "crashed together": (-11, {1: 0, 2: 0}, ((1, 2),)),
    "killed too often": (-9, {1: CRASHES}, ()),
    "one of two killed too often": (-9, {1: CRASHES, 2: 0}, ((2,),)),
    "left": (3, {1: 0}, ()),
}


@pytest.mark.parametrize(("status", "crashes", "again"), AGAIN.values(), ids=AGAIN)
def test_what_is_tried_again(status: int | None, crashes: dict[int, int], again: tuple[tuple[int, ...], ...]) -> None:
    outcome = judge(status, crashes)
    assert outcome.again == again
    failed = {point for kind, point, _ in outcome.events if kind == "failed"}
    assert failed | {point for group in again for point in group} == set(crashes)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (-9, "killed by signal 9: out of memory?"),
        (-11, "killed by signal 11 (SIGSEGV)"),
        (-40, "killed by signal 40"),
        (3, "the process ended with status 3 and left no result"),
    ],
)
def test_what_is_said(status: int, message: str) -> None:
    assert judge(status, {0: CRASHES}).events[-1][2]["message"] == message
