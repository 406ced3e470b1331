"""Recorded runs of `prune` and `finetune`."""

import math
from pathlib import Path
from typing import Any

from engine.runtime.records import Phase, PointRecord, Progress, RunRecord
from tests.tui.recorded import BASELINE, NOW

SPARSITIES = (0.1, 0.3, 0.5, 0.7, 0.9)
LAYERS = [
    {
        "name": f"bert.encoder.layer.{i // 2}.{name}",
        "sparsity": 0.1 * (i + 1),
        "rows": 128,
        "columns": 128 * (1 + i % 2),
        "elements": 16384 * (1 + i % 2),
        "map": "@%#*+=-:._" * 2,
    }
    for i, name in enumerate(["attention.self.query", "intermediate.dense"] * 2)
]


def pruned(done: int = 10, state: str = "finished", age: float = 600.0) -> RunRecord:
    """L1, then random; training mends what was lost, less of it for random. Half of a point more is done."""
    params = [
        {"method": method, "sparsity": sparsity, "granularity": "weights", "scope": "layer"}
        for method in ("l1", "random")
        for sparsity in SPARSITIES
    ]
    points = []
    for index, one in enumerate(params):
        at = NOW - age + 30 * index
        if index < done:
            result = _result(**one)
            points.append(PointRecord(index, one, "finished", 1, "cpu", at, at + 30, result))
        elif index == done and state == "running":
            points.append(
                PointRecord(
                    index,
                    one,
                    state,
                    1,
                    "cpu",
                    at,
                    progress=Progress(50, 100, "training", at + 15, at, trained=0.5, phase=Phase.TRAINING),
                )
            )
        else:
            points.append(PointRecord(index, one))
    return RunRecord(
        id="p-0008",
        name="q-0004/2 l1+random 0.1…0.9",
        experiment="prune",
        state=state,  # type: ignore[arg-type]
        config={"model": "run:q-0004/2", "data": "reviews", "methods": ["l1", "random"]},
        path=Path("runs") / "p-0008",
        created=NOW - age,
        started=NOW - age,
        ended=NOW - age + 30 * done if state == "finished" else None,
        devices=("cpu",),
        notes={"baseline": BASELINE},
        points=tuple(points),
    )


def _result(method: str, sparsity: float, **_: Any) -> dict[str, Any]:
    lost = 0.36 * sparsity ** (4 if method == "l1" else 1.5)
    result: dict[str, Any] = {"true_sparsity": sparsity, "bytes": int(17_500_000 - 1_500_000 * sparsity)}
    for prefix, share in (("", 0.4), ("pruned_", 1.0)):
        accuracy = BASELINE["accuracy"] - share * lost
        result |= {f"{prefix}accuracy{end}": accuracy + by for end, by in (("", 0.0), ("_low", -0.01), ("_high", 0.01))}
        result |= {
            f"{prefix}delta{end}": -share * lost + by for end, by in (("", 0.0), ("_low", -0.005), ("_high", 0.005))
        }
    result |= {"loss": 0.4, "samples": 25_000, "pruned_loss": 0.5, "pruned_samples": 25_000}
    return result | {
        "validation_accuracy": result["accuracy"] + 0.002,
        "validation_samples": 2500,
        "layers": LAYERS,
        "model": f"artifacts/points/{method}/model",
    }


def tuned() -> RunRecord:
    """Full fine-tuning beside LoRA, the second of them half done."""
    params = [
        {"method": "full", "learning_rate": 1e-4},
        {"method": "lora", "learning_rate": 1e-3, "rank": 8},
    ]
    curves = [
        {
            "loss": tuple((float(step), 0.7 * math.exp(-step / (40 + 40 * n))) for step in range(1, 101 - 50 * n)),
            "validation_accuracy": tuple((float(step), 0.8 + 0.0006 * step) for step in range(10, 101 - 50 * n, 10)),
        }
        for n in range(2)
    ]
    result = {
        key: value for key, value in _result("l1", 0.0).items() if not key.startswith(("pruned", "true", "layers"))
    }
    facts = {"trainable": 4_386_178, "trainable_bytes": 17_544_712, "parameters": 4_386_178}
    measured = {"loss": 0.31, "best_step": 90, "steps": 100, "texts_per_second": 210.0, "peak_memory": 900_000_000}
    small = {"trainable": 8192, "trainable_bytes": 32_768, "parameters": 4_394_370}
    return RunRecord(
        id="f-0002",
        name="bert-tiny full+lora",
        experiment="finetune",
        state="running",
        config={"model": "builtin", "data": "reviews"},
        path=Path("runs") / "f-0002",
        created=NOW - 300,
        started=NOW - 300,
        devices=("cpu",),
        notes={
            "baseline": BASELINE | {"validation_accuracy": 0.81},
            "trains_0": facts,
            "trains_1": small,
        },
        points=(
            PointRecord(
                0, params[0], "finished", 1, "cpu", NOW - 300, NOW - 100, result | facts | measured, metrics=curves[0]
            ),
            PointRecord(
                1,
                params[1],
                "running",
                1,
                "cpu",
                NOW - 100,
                progress=Progress(50, 100, "training, 210 texts/s", NOW, NOW - 100, trained=0.5, phase=Phase.TRAINING),
                metrics=curves[1],
            ),
        ),
    )
