"""What a card gives: one script for whoever has one, `make gpu` or `python3 -m benchmarks.gpu` in this folder.

Under eight minutes on a large GPU. Each part runs in a process of its own with a time limit, so that one that fails
does not lose the rest. Writes gpu-report.md and gpu-report.json. Without a GPU the parts run small on the CPU: every
one must pass on every machine. Needs the package with its dependencies; pytest for the tests.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SECONDS = {
    "machine": 60,
    "model": 120,
    "tests": 150,
    "codes": 60,
    "decoding": 90,
    "linear": 45,
    "formats": 45,
    "points": 90,
    "run": 150,
    "loops": 90,
}
"""The limit of each part, in the order in which they run; those without a GPU get three times as long."""


@dataclass
class Outcome:
    """What a part gave: rows of a table, or text; `error` says what went wrong."""

    part: str
    seconds: float = 0.0
    rows: list[dict[str, Any]] = field(default_factory=list)
    text: str = ""
    error: str = ""


def main() -> None:
    options = parse()
    if options.part:
        print(json.dumps(one_part(options)))
        return
    device = options.device or found_device()
    began, outcomes = time.monotonic(), list[Outcome]()
    for part in options.only.split(",") if options.only else SECONDS:
        outcome = run_part(part, device, options)
        outcomes.append(outcome)
        print(
            f"{part}: {outcome.error.splitlines()[-1] if outcome.error else 'done'}, {outcome.seconds:.0f} s",
            flush=True,
        )
        write(Path(options.out), outcomes, device, time.monotonic() - began)
    print(f"{options.out}.md, {options.out}.json")
    raise SystemExit(int(any(outcome.error for outcome in outcomes)))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Correctness and speed on this machine's GPU, or its CPU.")
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--data", default="builtin")
    parser.add_argument("--device", default="", help="cuda or cpu; empty: what is there")
    parser.add_argument("--only", default="", help="some parts, with commas: " + ", ".join(SECONDS))
    parser.add_argument("--out", default="gpu-report", help="where to write, without an ending")
    parser.add_argument("--part", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


def found_device() -> str:
    """Asked in a process of its own: this one never loads torch."""
    code = "import torch; print('cuda' if torch.cuda.is_available() else 'cpu')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"torch cannot be loaded by {sys.executable}; install the package first.\n{done.stderr}")
    return done.stdout.split()[-1]


def one_part(options: argparse.Namespace) -> list[Mapping[str, Any]]:
    """In the part's own process."""
    from benchmarks.gpu_parts import PARTS, Bench

    return list(PARTS[options.part](Bench(options.device, options.model, options.data)))


def run_part(part: str, device: str, options: argparse.Namespace) -> Outcome:
    """Starts the part's process and takes what it gives; it is killed when its time is over."""
    limit = SECONDS[part] * (1 if device == "cuda" else 3)
    outcome, began = Outcome(part), time.monotonic()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command(part, device, options), cwd=ROOT, stdout=out, stderr=errors, start_new_session=True
        )
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            status, outcome.error = 0, f"not done after {limit} s"
        out.seek(0)
        errors.seek(0)
        text, trouble = out.read().strip(), errors.read().strip()
    outcome.seconds = time.monotonic() - began
    if status:
        outcome.error = "\n".join((trouble or text).splitlines()[-15:]) or f"ended with status {status}"
    elif not outcome.error and part not in ("tests", "loops"):
        outcome.rows = json.loads(text.splitlines()[-1])
        return outcome
    outcome.text = "\n".join(text.splitlines()[-25:])
    return outcome


def command(part: str, device: str, options: argparse.Namespace) -> Sequence[str]:
    """The words that start a part."""
    if part == "tests":
        chosen = ["-m", "gpu", *files_with_gpu_tests()] if device == "cuda" else ["tests/kernels/test_codec.py"]
        return [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *chosen]
    shared = ["--model", options.model, "--data", options.data, "--device", device]
    if part == "loops":
        large = ["--samples", "5000", "--steps", "100", "--repeats", "3"]
        sizes = (
            large if device == "cuda" else ["--samples", "64", "--steps", "2", "--batch-size", "8", "--repeats", "1"]
        )
        return [sys.executable, "-m", "benchmarks.throughput", *shared, *sizes]
    return [sys.executable, "-m", "benchmarks.gpu", "--part", part, *shared]


def files_with_gpu_tests() -> Iterator[str]:
    """The files that hold some: others may need packages that this machine need not have."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if "mark.gpu" in path.read_text(encoding="utf-8"):
            yield str(path.relative_to(ROOT))


def write(path: Path, outcomes: Sequence[Outcome], device: str, seconds: float) -> None:
    """Both reports, anew after each part: what is there stays whatever comes."""
    path.with_suffix(".json").write_text(json.dumps([asdict(one) for one in outcomes], indent=1), encoding="utf-8")
    lines = [f"# labtui on {device}", "", f"`python -m benchmarks.gpu`, {seconds:.0f} s"]
    for one in outcomes:
        lines += ["", f"## {one.part} ({one.seconds:.0f} s)", ""]
        lines += [f"**Failed:** {one.error.splitlines()[-1]}", "", "```", one.error, "```"] if one.error else []
        lines += ["```", one.text, "```"] if one.text else []
        lines += table(one.rows)
    path.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Rows as Markdown."""
    if not rows:
        return []
    keys = list(rows[0])
    lines = ["| " + " | ".join(keys) + " |", "|" + "---|" * len(keys)]
    return lines + ["| " + " | ".join(shown(row.get(key)) for key in keys) + " |" for row in rows]


def shown(value: Any) -> str:
    """A cell."""
    text = "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    main()
