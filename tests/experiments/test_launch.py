"""What a config becomes on disk."""

from pathlib import Path

import pytest

from engine.experiments.launch import configure, launch
from engine.runtime import devices
from engine.runtime.spec import RunSpec

GPUS = ("GPU-a", "GPU-b")


@pytest.mark.parametrize(
    ("found", "settings", "group"),
    [
        (("cpu",), {"modes": "qat"}, 1),
        (GPUS[:1], {"modes": "qat"}, 9),
        (GPUS, {"modes": "qat"}, 5),
        (GPUS[:1], {"modes": "ptq,qat", "widths": "2-32"}, 16),
        (GPUS[:1], {"modes": "ptq"}, 1),
    ],
)
def test_points_that_train_share_a_gpu(
    found: tuple[str, ...], settings: dict[str, str], group: int, builtin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CPU is busy with one; of several GPUs none is left without a task."""
    monkeypatch.setattr(devices, "resolve", lambda text: found)
    experiment, config = configure("quantize", settings)
    assert RunSpec.read(launch(experiment, config, start=False)).group == group
