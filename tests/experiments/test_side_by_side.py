"""A real run's numbers do not depend on how many of its points are computed at once."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from engine.experiments.launch import configure, launch
from engine.runtime import control
from engine.runtime.cores import working_cores
from engine.runtime.records import RunRecord
from engine.runtime.runs import read_run
from engine.runtime.spec import RunSpec
from tests.experiments.small_pair import make_pair
from tests.faults.helpers import wait_until_idle

TAKEN = {"peak_memory", "texts_per_second", "model"}
"""What a point says of the machine and of its folder."""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(working_cores() < 2, reason="seats need a core each")]


def computed(experiment: str, settings: dict[str, Any], seats: int) -> RunRecord:
    path = launch(*configure(experiment, settings), start=False)
    replace(RunSpec.read(path), seats=seats, threads=1).write(path)
    control.start(path)
    wait_until_idle(path)
    return read_run(path, metrics=True)


@pytest.mark.parametrize(
    ("experiment", "settings"),
    [
        ("quantize", {"widths": "3,6", "modes": "ptq,qat", "qat_steps": 6}),
        ("prune", {"sparsities": "0.3,0.6", "methods": "l1", "finetune_steps": 4}),
        ("sensitivity", {"formats": "fixed(3)", "layers": "*.query"}),
        ("finetune", {"learning_rates": "1e-3,1e-4", "steps": 6}),
    ],
)
def test_side_by_side_or_one_after_the_other(experiment: str, settings: dict[str, Any], tmp_path: Path) -> None:
    settings = settings | make_pair(tmp_path / "pair") | {"max_length": 16, "batch_size": 8}
    one, two = (computed(experiment, settings, seats) for seats in (1, 2))
    assert one.state == two.state == "finished"
    for here, there in zip(one.points, two.points, strict=True):
        assert here.metrics == there.metrics
        results = [
            {key: value for key, value in (point.result or {}).items() if key not in TAKEN} for point in (here, there)
        ]
        assert results[0] == results[1]
    spans = sorted((point.started or 0.0, point.ended or 0.0) for point in two.points)
    assert any(begin < end for (_, end), (begin, _) in pairwise(spans))
