"""What a pruning run finds, from typed points."""

import pytest

from engine.experiments.prune.findings import findings
from engine.experiments.prune.measures import PruneParams, PrunePoint, PruneResult
from engine.experiments.prune.words import sentence
from engine.experiments.recorded import TypedPoint
from engine.experiments.shared.finding import Finding
from engine.experiments.shared.measured import Concluded
from engine.tasks.metric import ACCURACY, Bounded


def points(losses: dict[float, float], covered: float = 1.0) -> list[PrunePoint]:
    """Points of one curve by sparsity; the half interval is 0.01."""
    found = []
    for index, (sparsity, lost) in enumerate(losses.items()):
        score = Bounded(0.9 - lost, 0.88 - lost, 0.92 - lost)
        measured = Concluded(score=score, loss=0.3, samples=500, delta=delta(lost), bytes=1000)
        params = PruneParams(method="l1", sparsity=sparsity, of="weights", scope="layer")
        found.append(TypedPoint(index, params, PruneResult(measured=measured, covered=covered)))
    return found


def delta(lost: float) -> Bounded:
    return Bounded(-lost, -lost - 0.01, -lost + 0.01)


OF = "l1 after fine-tuning"


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ({0.3: 0.0, 0.5: 0.005, 0.7: 0.05, 0.9: 0.0}, [("held", "0.5", 0.005, (2,)), ("lost", "0.7", 0.05, ())]),
        ({0.3: 0.0, 0.5: 0.0}, [("held", "0.5", 0.0, (0,))]),
        ({0.3: 0.05, 0.5: 0.0}, [("lost", "0.3", 0.05, ())]),
        ({0.3: 0.05}, []),
    ],
)
def test_the_last_sparsity_that_holds_and_the_first_that_does_not(
    losses: dict[float, float], expected: list[tuple[str, str, float, tuple[int, ...]]]
) -> None:
    assert findings({}, points(losses), ACCURACY) == [
        Finding(kind, OF, at, value=delta(lost), samples=500, counts=counts) for kind, at, lost, counts in expected
    ]


def test_nothing_is_said_of_points_that_hardly_change_the_model() -> None:
    assert findings({}, points({0.3: 0.0, 0.5: 0.05}, covered=0.001), ACCURACY) == []


def test_findings_in_words() -> None:
    held, lost = findings({}, points({0.3: 0.0, 0.5: 0.05}), ACCURACY)
    assert sentence(held, ACCURACY) == f"{OF}: no significant loss up to sparsity 0.3."
    assert sentence(lost, ACCURACY) == (
        f"{OF}: significant loss at sparsity 0.5, -5.00 points, 95 % -6.00 to -4.00, n = 500."
    )
    (whole,) = findings({"finetune_steps": 0}, points({0.3: 0.0, 0.5: 0.0}), ACCURACY)
    assert (
        sentence(whole, ACCURACY)
        == "l1 without fine-tuning: no significant loss up to sparsity 0.5, the highest tried."
    )
