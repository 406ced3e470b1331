"""The sweeps that `benchmarks.lab1` times, as settings of the product and as what each point has to compute."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTHS, SPARSITIES = (3, 4, 6, 8), (0.3, 0.5, 0.7, 0.9)
TRIALS, STEPS, BATCH = 16, 40, 16


@dataclass(frozen=True, slots=True)
class Work:
    """A point: so many training steps, and so many passes over validation and test."""

    steps: int
    passes: float


@dataclass(frozen=True, slots=True)
class Flow:
    """`settings` are those of `experiment`; `work` stands for its points, the baseline's pass included."""

    experiment: str
    settings: Mapping[str, Any]
    work: Sequence[Work]

    def command(self, model: str, data: str, samples: int, length: int) -> Iterator[str]:
        """The words after `labtui`, `samples` texts evaluated a point, half of them of validation."""
        shared = {"model": model, "data": data, "batch_size": BATCH, "max_length": length, "eval_samples": samples // 2}
        yield from ("run", self.experiment)
        for key, value in (shared | dict(self.settings)).items():
            yield from ("--set", f"{key}={','.join(map(str, value)) if isinstance(value, tuple) else value}")


BASELINE = Work(0, 1)
FLOWS = {
    "quantize": Flow(
        "quantize",
        {"widths": WIDTHS, "modes": "ptq,qat", "qat_steps": STEPS},
        [BASELINE, *[Work(0, 1)] * len(WIDTHS), *[Work(STEPS, 1)] * len(WIDTHS)],
    ),
    "prune": Flow(
        "prune",
        {"methods": "l1", "sparsities": SPARSITIES, "finetune_steps": STEPS},
        [BASELINE, *[Work(STEPS, 2)] * len(SPARSITIES)],  # measured before and after the fine-tuning
    ),
    "search": Flow(
        "search",
        {
            "space": "format=fixed(3),fixed(4),fixed(6),fixed(8); learning_rate=1e-5..1e-3 log",
            "modes": "compress",
            "samplers": "random",
            "trials": TRIALS,
            "steps": STEPS,
            "reports": 1,
        },
        [BASELINE, *[Work(STEPS, 1)] * TRIALS, Work(0, 0.5)],  # validation twice; the chosen one's test
    ),
    "sensitivity": Flow(
        "sensitivity", {"formats": "fixed(4)"}, [BASELINE, *[Work(0, 1)] * 14]
    ),  # a BERT-tiny has 14 linear layers
}
