"""How many points run side by side: a stated rule, and the sentence that says it before the start."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.experiments import seating
from engine.experiments.launch import check, configure, launch
from engine.experiments.memory import point_memory
from engine.runtime.devices import CPU
from engine.runtime.runs import read_run


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Eight working cores and 64 GB."""
    monkeypatch.setattr(seating, "working_cores", lambda: 8)
    monkeypatch.setattr(seating, "available_memory", lambda: 64_000_000_000)
    return monkeypatch


def seats(experiment: str, count: int, *devices: str, **settings: Any) -> tuple[int, int]:
    found = seating.seating(configure(experiment, settings)[1], count, devices or (CPU,))
    return found.seats, found.threads


@pytest.mark.parametrize(
    ("experiment", "settings", "count", "expected"),
    [
        ("quantize", {}, 9, (8, 1)),
        ("quantize", {}, 3, (3, 2)),
        ("quantize", {}, 1, (1, 8)),
        ("quantize", {"workers": 4}, 9, (4, 2)),
        ("quantize", {"workers": 100}, 9, (8, 1)),
        ("finetune", {}, 4, (4, 2)),
        ("sensitivity", {}, 9, (8, 1)),
        ("prune", {}, 9, (8, 1)),
        ("prune", {"granularities": "heads"}, 9, (1, 8)),
        ("search", {"space": "num_hidden_layers=1,2", "trials": 16}, 17, (4, 2)),
        ("search", {"space": "num_hidden_layers=1,2", "trials": 4}, 5, (2, 4)),
        ("search", {"space": "num_hidden_layers=1,2", "against": "latency"}, 25, (1, 8)),
        ("search", {"space": "num_hidden_layers=1,2", "constraints": "latency<=1"}, 25, (1, 8)),
        ("mixed", {"trials": 32}, 33, (8, 1)),
        ("profile", {}, 4, (1, 8)),
    ],
)
def test_as_many_as_cores_points_and_kind_allow(
    experiment: str, settings: dict[str, Any], count: int, expected: tuple[int, int]
) -> None:
    assert seats(experiment, count, **settings) == expected


def test_on_a_gpu_there_is_nothing_to_choose() -> None:
    found = seating.seating(configure("quantize", {})[1], 9, ("GPU-a",))
    assert (found.seats, found.threads, found.said) == (1, 0, "")


def model(folder: Path, width: int, layers: int, rows: int) -> Path:
    """A model as far as its headers tell: its tensors' bytes are a hole in the file."""
    folder.mkdir()
    facts = {"hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": 12}
    (folder / "config.json").write_text(json.dumps(facts))
    header = json.dumps({"w": {"dtype": "F32", "shape": [rows, width], "data_offsets": [0, 4 * rows * width]}}).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + 4 * rows * width)
    return folder


def test_what_does_not_fit_into_memory_gets_fewer_seats_and_more_threads(tmp_path: Path) -> None:
    """BERT-base, 110 million parameters: trained at 64 texts of 256 tokens it wants tens of GB, evaluated one."""
    base = str(model(tmp_path / "base", 768, 12, 110_000_000 // 768))
    assert seats("quantize", 9, model=base) == (8, 1)
    assert seats("quantize", 9, model=base, modes="qat") == (1, 8)
    assert seats("quantize", 9, model=base, modes="qat", batch_size=16, max_length=128) == (5, 1)
    trained = configure("quantize", {"model": base, "modes": "qat"})[1]
    assert 10e9 < point_memory(trained) < 60e9
    assert "memory" in seating.seating(trained, 9, (CPU,)).said


def test_more_weights_and_longer_batches_want_more(tmp_path: Path) -> None:
    small, large = model(tmp_path / "small", 128, 2, 30_000), model(tmp_path / "large", 512, 2, 60_000)

    def memory(source: Path, **settings: Any) -> int:
        return point_memory(configure("quantize", {"model": str(source), "modes": "qat", **settings})[1])

    assert memory(small) < memory(large)
    assert memory(small) < memory(small, max_length=512)
    assert memory(small, batch_size=8) < memory(small, batch_size=64)


def test_windows_want_their_logits_too(tmp_path: Path) -> None:
    source = model(tmp_path / "lm", 576, 30, 230_000)
    facts = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 49_152, "hidden_size": 576}
    (source / "config.json").write_text(json.dumps(facts))

    def memory(**settings: Any) -> int:
        found = point_memory(configure("quantize", {"model": str(source), "task": "causal-lm", **settings})[1])
        assert found is not None
        return found

    weights, logits = 4 * 576 * 230_000, 4 * 2048 * 49_152
    assert memory(window=512) == memory(window=512, batch_size=1)  # a batch is cut to windows that fit
    assert weights + logits < memory(window=2048) < weights + 3 * logits + (1 << 29)
    assert memory(window=512, modes="qat") > 5 * weights


def test_what_is_not_here_yet_is_not_guessed(state: Path) -> None:
    config = configure("quantize", {"model": "somebody/model", "task": "text-classification"})[1]
    assert point_memory(config) is None
    assert seating.seating(config, 2, (CPU,)).said == "2 points side by side, 4 threads each, on 8 cores"


def test_the_plan_says_it_and_the_run_keeps_it(builtin: Path) -> None:
    experiment, config = configure("quantize", {"widths": "4,8"})
    said: list[str] = []
    path = launch(experiment, config, start=False, say=said.append)
    assert said == check(experiment, config)
    assert said[-1].startswith("2 points side by side, 4 threads each, on 8 cores, about ")
    assert said[-1].endswith(" MB of memory each")
    run = read_run(path)
    assert (run.seats, run.threads, run.places) == (2, 4, 2)
    assert run.where == "cpu (2 points at once, 4 threads each)"
