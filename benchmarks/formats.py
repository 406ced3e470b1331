"""Fake quantisation of a [4096, 1024] float32 tensor as multiples of a plain copy, beside torch's own operator.

    python -m benchmarks.formats [SPEC ...]

Every case is measured in turn within each round, so that a busy moment falls on all of them; a figure is a ratio of
medians. Forward+backward is compared with one copy too: it reads and writes twice as much.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as labtui's workers run; read when torch is loaded

import torch

from engine.formats import parse
from engine.formats.registry import FAMILIES

ROUNDS = 15
SHAPE = (4096, 1024)
AIMS = {"fixed": 1.5, "minifloat": 3.0, "log": 3.0, "mx": 3.0, "bfp": 4.0, "block": 4.0}


def aim(spec: str) -> float | None:
    return next((bound for start, bound in AIMS.items() if spec.startswith(start)), None)


def main(specs: list[str]) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(SHAPE, generator=generator) * 0.05
    leaf, gradient = x.clone().requires_grad_(), torch.randn(SHAPE, generator=generator)

    def trained(fake_quantize: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[], None]:
        def step() -> None:
            leaf.grad = None
            fake_quantize(leaf).backward(gradient)

        return step

    def torchs(tensor: torch.Tensor) -> torch.Tensor:
        return torch.fake_quantize_per_tensor_affine(tensor, 2.0**-7, 0, -128, 127)

    cases: dict[str, Callable[[], object]] = {
        "copy": x.clone,
        "torch.fake_quantize": lambda: torchs(x),
        "torch.fake_quantize+": trained(torchs),
    }
    for spec in specs:
        number_format = parse(spec).fit(x)
        cases[spec] = lambda number_format=number_format: number_format.quantize(x)
        cases[f"{spec}+"] = trained(number_format.fake_quantize)
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(ROUNDS + 2):
        for name, case in cases.items():
            start = time.perf_counter()
            case()
            if turn >= 2:
                seconds[name].append(time.perf_counter() - start)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    copy = median["copy"]
    print(f"copy of {list(SHAPE)} float32: {copy * 1e3:.2f} ms, {torch.get_num_threads()} threads")
    print(f"{'format':24}{'forward':>9}{'aim':>6}{'forward+backward':>18}")
    for name in ("torch.fake_quantize", *specs):
        bound = aim(name)
        forward, both = median[name] / copy, median[f"{name}+"] / copy
        print(f"{name:24}{forward:8.2f}x{'' if bound is None else f'{bound:g}x':>6}{both:17.2f}x")


if __name__ == "__main__":
    main(sys.argv[1:] or [kind.example for kind in FAMILIES.values() if kind.name != "fp32"])
