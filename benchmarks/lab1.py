"""The product's sweeps, timed as a user starts them, beside the usual way and the limit.

In each round one after the other: `labtui run` in a fresh state folder (cold), again (warm), a script around
`transformers.Trainer` (`benchmarks.usual`), and the forwards and steps alone (`benchmarks.limit`). Medians over the
rounds, and ratios. The command's time is split by the run's own record: to the first point, points, from the last one.

    python -m benchmarks.lab1 --model builtin --data builtin --flows quantize,prune,search,sensitivity
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.flows import FLOWS
from engine.runtime.runs import list_runs, read_run

LABTUI = Path(sys.executable).with_name("labtui")


def main() -> None:
    options = parse()
    print(f"{options.model} on {options.data}, {options.samples} texts a point, {options.max_length} tokens")
    for name in options.flows.split(","):
        compare(name, options)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Sweeps of the installed command beside Trainer and the limit.")
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--data", default="builtin")
    parser.add_argument("--samples", type=int, default=2000, help="texts evaluated a point, half of them validation")
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--flows", default=",".join(FLOWS))
    return parser.parse_args()


def compare(name: str, options: argparse.Namespace) -> None:
    """Rounds of a flow, and its lines of the table."""
    taken: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for what, seconds in one_round(name, options).items():
            taken.setdefault(what, []).append(seconds)
    middle = {what: statistics.median(seconds) for what, seconds in taken.items()}
    print(f"\n{name}, median of {options.rounds} (range)")
    for what, seconds in taken.items():
        print(f"  {what:<28}{middle[what]:>8.1f} s  ({min(seconds):.1f} to {max(seconds):.1f})")
    warm, cold = middle["labtui, warm"], middle["labtui, cold"]
    print(f"  Trainer / warm {middle['Trainer'] / warm:.2f}, Trainer / cold {middle['Trainer'] / cold:.2f}, ", end="")
    print(f"cold / warm {cold / warm:.2f}, limit / warm {100 * middle['limit'] / warm:.0f} %", flush=True)


def one_round(name: str, options: argparse.Namespace) -> dict[str, float]:
    """Seconds of each contestant."""
    flow, found = FLOWS[name], dict[str, float]()
    shared = ["--model", options.model, "--data", options.data]
    shared += ["--samples", str(options.samples), "--max-length", str(options.max_length)]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LABTUI_HOME"] = str(Path(folder) / "state")
        words = [str(LABTUI), *flow.command(options.model, options.data, options.samples, options.max_length)]
        for kind in ("cold", "warm"):
            found[f"labtui, {kind}"] = timed(words)
            began = time.time() - found[f"labtui, {kind}"]
            if kind == "warm":
                found |= parts(began, found["labtui, warm"])
        found["Trainer"] = timed([sys.executable, "-m", "benchmarks.usual", name, *shared])
        limit = subprocess.run(
            [sys.executable, "-m", "benchmarks.limit", name, *shared], check=True, capture_output=True, text=True
        )
        found["limit"] = float(limit.stdout.split()[-1])
    return found


def timed(words: Sequence[str]) -> float:
    """Seconds of a command that must succeed."""
    began = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return time.perf_counter() - began


def parts(began: float, seconds: float) -> dict[str, float]:
    """Where a command's time went, by what its run, the newest, has recorded."""
    points = read_run(list_runs()[0]).points
    first = min(point.started for point in points if point.started)
    last = max(point.ended for point in points if point.ended)
    return {"  to the first point": first - began, "  points": last - first, "  after": began + seconds - last}


if __name__ == "__main__":
    main()
