"""How fast MXINT8 is dequantised here: `python -m cuda_kernels.bench`, beside the alternatives and the copy limit.

Each contender decodes the same random tensors, which rotate so that none of them is still in a cache, and its result is
compared with ours before it is timed. The limit is torch's `copy_` of as many bytes, read and written together.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import cycle

import torch

from cuda_kernels import dequantize
from cuda_kernels.api import check_group
from cuda_kernels.bench_contenders import contenders
from cuda_kernels.timing import take_turns

COPY, OURS = "copy", "labtui"
_CACHE_BYTES = {"cpu": 1 << 30, "cuda": 1 << 29}  # tensors in rotation take more than this together, and than the cache


@dataclass(frozen=True)
class Measurement:
    """Time of one call, in seconds; bytes are those that must move. `note` says what is wrong with it."""

    name: str
    bytes: int
    median: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    share_of_copy: float = float("nan")
    note: str = ""

    @property
    def rate(self) -> float:
        """Bytes per second at the median."""
        return self.bytes / self.median


Round = tuple[torch.Tensor, torch.Tensor, torch.Tensor]  # mantissa, scale, out


def measure(
    device: str = "cpu",
    elements: int = 58_720_256,
    group: int = 32,
    dtype: torch.dtype = torch.bfloat16,
    repeats: int = 50,
    progress: Callable[[str], None] = lambda name: None,
) -> list[Measurement]:
    """The copy limit, ours, and the alternatives; median and quartiles over `repeats` calls of each.

    Raises:
        ValueError: fewer than two repeats, less than a group of elements, or a group that the kernels do not take.
        RuntimeError: no such device here, or no CUDA extra for it.
    """
    check_group(group)
    if repeats < 2 or elements < group:
        raise ValueError(f"give 2 repeats or more and at least {group} elements, not {repeats} and {elements}")
    elements = elements // group * group
    size = elements + elements // group + elements * dtype.itemsize
    rounds = list(_rounds(device, elements, group, dtype, size))
    halves = [[torch.ones(size // 2, dtype=torch.uint8, device=device) for _ in range(2)] for _ in rounds]
    calls: dict[str, Callable[..., object]] = {COPY: torch.Tensor.copy_}
    failed: dict[str, str] = {}

    def ours(mantissa: torch.Tensor, scale: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        return dequantize(mantissa, scale, group, dtype, out=out)

    expected = ours(*rounds[0]).clone()
    for name, function in {OURS: ours, **contenders(device, group, dtype)}.items():
        progress(name)
        try:
            result = function(*rounds[0])
            if not torch.equal(result.reshape(-1), expected):
                failed[name] = "another result than ours"
                continue
        except Exception as error:  # a compiler that is missing is a result, not a failure
            failed[name] = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
            continue
        calls[name] = function
    inputs: dict[str, Iterator[Iterable[torch.Tensor]]] = {}
    for name in calls:
        inputs[name] = cycle(halves if name == COPY else rounds)
    progress("timing")
    timings = take_turns(device, calls, repeats, inputs, kernels_alone=True)
    limit = timings[COPY].median
    measured = [
        Measurement(
            name, size, t.median, t.low, t.high, limit / t.median, "disturbed by other processes" if t.disturbed else ""
        )
        for name, t in timings.items()
    ]
    return measured + [Measurement(name, size, note=note) for name, note in failed.items()]


def _rounds(device: str, elements: int, group: int, dtype: torch.dtype, size: int) -> Iterator[Round]:
    """Random mantissas, and scales of ordinary weights: zeros would flatter whoever takes a short cut."""
    generator = torch.Generator(device).manual_seed(0)
    for _ in range(max(3, _CACHE_BYTES[torch.device(device).type] // size + 1)):
        mantissa = torch.randint(-127, 128, (elements,), dtype=torch.int8, device=device, generator=generator)
        scale = torch.randint(110, 128, (elements // group,), dtype=torch.uint8, device=device, generator=generator)
        yield mantissa, scale, torch.ones(elements, dtype=dtype, device=device)


def table(measurements: list[Measurement]) -> str:
    """Markdown, fastest first."""
    lines = ["| kernel | median | quartiles | GB/s | share of copy | |", "|---|---|---|---|---|---|"]
    for m in sorted(measurements, key=lambda m: m.median if m.median > 0 else float("inf")):
        if m.median > 0:
            times = f"{m.median * 1e6:,.0f} µs | {m.low * 1e6:,.0f} to {m.high * 1e6:,.0f} µs"
            lines.append(f"| {m.name} | {times} | {m.rate / 1e9:,.1f} | {m.share_of_copy:.0%} | {m.note} |")
        else:
            lines.append(f"| {m.name} | | | | | {m.note} |")
    return "\n".join(lines)


def main() -> None:
    """The command."""
    from argparse import ArgumentParser

    parser = ArgumentParser(prog="python -m cuda_kernels.bench", description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--elements", type=int, default=58_720_256)
    parser.add_argument("--group", type=int, default=32)
    parser.add_argument("--dtype", default="bfloat16", choices=["bfloat16", "float16", "float32"])
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--json", action="store_true", help="print one JSON object per kernel instead of a table")
    options = parser.parse_args()
    dtype = getattr(torch, options.dtype)
    try:
        result = measure(options.device, options.elements, options.group, dtype, options.repeats)
    except (RuntimeError, ValueError, AssertionError) as error:  # torch asserts that it was built with CUDA
        parser.error(next(iter(str(error).splitlines()), type(error).__name__))
    print("\n".join(json.dumps(asdict(m)) for m in result) if options.json else table(result))


if __name__ == "__main__":
    main()
