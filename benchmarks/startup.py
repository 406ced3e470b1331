"""What a run costs beside its point: seconds before it starts and after it ends, from a shell and from a form.

`quantize` on the built-in model, one point, again and again in one state folder; the first round fills the caches and
is left out. In the app the form has stood for a while, as long as somebody needs to read it.

    python -m benchmarks.startup --rounds 5
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tui_app.interactive import Interactive

LABTUI = str(Path(sys.executable).with_name("labtui"))
EXPERIMENT, SETTINGS = "quantize", {"widths": 8, "modes": "ptq", "eval_samples": 100}


def main() -> None:
    parser = argparse.ArgumentParser(description="The fixed cost of a run.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--reading", type=float, default=15.0, help="seconds that the form stands before ctrl+r")
    parser.add_argument("--other", help="another labtui command, timed in turn with this one")
    parser.add_argument("--home", type=Path, help="a state folder with caches, in place of a fresh one")
    options = parser.parse_args()
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LABTUI_HOME"] = str(options.home or folder)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # every process would compile all that it imports of labtui
        for number in range(options.rounds + 1):
            for what, seconds in one_round(options):
                if number:
                    taken.setdefault(what, []).append(seconds)
    for what, found in taken.items():
        print(f"{what:<40}{statistics.median(found):>7.2f} s  ({min(found):.2f} to {max(found):.2f})")


def one_round(options: argparse.Namespace) -> Iterator[tuple[str, float]]:
    """Seconds of each part, by what it is."""
    for command in filter(None, (LABTUI, options.other)):
        words = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]
        began = time.time()
        done = subprocess.run([command, "run", EXPERIMENT, *words, "--json"], check=True, capture_output=True)
        ended = time.time()
        first, last = span(json.loads(done.stdout)["run"]["id"])
        name = "another command" if command == options.other else "command"
        yield f"{name}, to the point", first - began
        yield f"{name}, the point", last - first
        yield f"{name}, after it", ended - last
    first, second = asyncio.run(from_form(options.reading))
    yield "form, to the point", first
    yield "form unchanged, to the next run's point", second


async def from_form(reading: float) -> list[float]:
    """Seconds from ctrl+r to the point's start, twice."""
    worker, taken = Interactive(), []
    worker.start()
    await worker.ask("check", experiment=EXPERIMENT, values=SETTINGS)
    for _ in range(2):
        await asyncio.sleep(reading)
        began = time.time()
        run = await worker.ask("launch", experiment=EXPERIMENT, values=SETTINGS)
        while not (lines := attempt(run)) or '"finished"' not in lines[-1]:
            await asyncio.sleep(0.1)
        taken.append(span(run)[0] - began)
    worker.stop()
    return taken


def attempt(run: str) -> list[str]:
    """The lines of its only point."""
    files = Path(os.environ["LABTUI_HOME"], "runs", run, "attempts").glob("*.jsonl")
    return [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def span(run: str) -> tuple[float, float]:
    """When its point began and ended, in Unix seconds."""
    lines = [json.loads(line) for line in attempt(run)]
    return lines[0]["ts"], lines[-1]["ts"]


if __name__ == "__main__":
    main()
