"""What a config becomes on disk."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from engine.experiments.launch import configure, launch, read_config
from engine.runtime import devices
from engine.runtime.spec import RunSpec

GPUS = ("GPU-a", "GPU-b")


@pytest.mark.parametrize(
    ("found", "settings", "group"),
    [
        (("cpu",), {"modes": "qat"}, 1),
        (GPUS[:1], {"modes": "qat"}, 9),
        (GPUS, {"modes": "qat"}, 5),
        (GPUS[:1], {"modes": "ptq,qat", "widths": "2-32"}, 32),
        (GPUS[:1], {"modes": "ptq"}, 9),
    ],
)
def test_points_share_a_gpu(
    found: tuple[str, ...], settings: dict[str, str], group: int, builtin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CPU is busy with one; of several GPUs none is left without a task."""
    monkeypatch.setattr(devices, "resolve", lambda text: found)
    experiment, config = configure("quantize", settings)
    assert RunSpec.read(launch(experiment, config, start=False)).group == group


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"widths": 40, "seed": -1},
            "seed must be at least 0, not -1. widths: a width lies between 2 and 32; 40 does not.",
        ),
        ({"wdths": 4}, "wdths: there is no such setting; did you mean widths?"),
        ({"widths": 8, "qat_steps": 5, "qat_epochs": 1}, "give qat_steps or qat_epochs, not both."),
        (
            {"formats": "binary_scaled", "methods": "gptq", "sparsity": 0.5},
            "binary_scaled has no zero, so weights in it cannot be pruned; take another format.",
        ),
    ],
    ids=["two fields", "a question", "the whole", "a sentence already"],
)
def test_what_is_wrong_with_settings_is_said_in_whole_sentences(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        configure("quantize", settings)
    assert str(refused.value) == said


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a = " + b"[" * 10**5, "nested too deeply"),
        (b"seed = " + b"9" * 5000, "is not TOML"),
        (b"\xff", "is not TOML"),
        (b"#" * (2 << 20), "larger than 1 MiB"),
    ],
)
def test_a_config_file_may_hold_anything(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        read_config(path)


def test_a_config_file_without_an_end_is_refused_and_a_pipe_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="larger than 1 MiB"):
        read_config(Path("/dev/zero"))
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=("seed = 3",))
    writer.start()
    assert read_config(tmp_path / "pipe") == {"seed": 3}
    writer.join()
