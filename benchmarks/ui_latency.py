"""How fast the terminal app is, seen from the terminal: `python -m benchmarks.ui_latency`.

First paint, key to changed screen while idle and while a run keeps every core busy at nice 10, and the bytes that a
live run costs. The app runs on a pseudo-terminal over a temporary state folder; ratios are the finding.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

from benchmarks.terminal import Terminal

APP = (sys.executable, "-m", "tui_app")
STARTS = 7
KEYS = 60
LIVE_SECONDS = 20.0
RUNS = 30


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="labtui-bench-") as home:
        os.environ["LABTUI_HOME"] = home
        environ = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)  # every start would compile what changed since the last
        from tests.tui.recorded import write_run

        for number in range(RUNS):
            write_run(name=f"recorded {number}")
        first_paint(environ)
        terminal = Terminal(APP, environ)
        try:
            terminal.until(lambda lines: f"{RUNS} runs" in lines[1])
            terminal.idle(8)  # the warm worker imports torch meanwhile
            idle = keys(terminal)
            report("key to frame, idle", idle)
            live(terminal, idle)
        finally:
            terminal.close()


def first_paint(environ: dict[str, str]) -> None:
    """From exec to a screen with its table; the first of all is not counted."""
    times = []
    for _ in range(1 + STARTS):
        terminal = Terminal(APP, environ)
        times.append(terminal.until(lambda lines: "Home" in lines[0]) - terminal.started)
        terminal.close()
    times = times[1:]
    bare = []
    for _ in range(STARTS):
        terminal = Terminal((sys.executable, "-c", "import textual.app; print('Home')"), environ)
        bare.append(terminal.until(lambda lines: "Home" in lines[0]) - terminal.started)
        terminal.close()
    paint, base = statistics.median(times), statistics.median(bare)
    best = f"median {paint * 1000:.0f} ms, best {min(times) * 1000:.0f} ms"
    print(f"first paint: {best} ({paint / base:.2f} x importing Textual alone)")


def keys(terminal: Terminal) -> list[float]:
    """Seconds from a key to the cursor on the next row, one after the other."""
    taken = []
    for number in range(KEYS):
        key = "j" if number % 8 < 4 else "k"
        row = cursor_row(terminal.screen.display)
        goal = row + (1 if key == "j" else -1)
        start = time.perf_counter()
        terminal.press(key)
        taken.append(terminal.until(at_row(goal)) - start)
        terminal.idle(0.05 + 0.013 * (number % 7))
    return taken


def at_row(goal: int) -> Callable[[list[str]], bool]:
    """Whether the table's cursor stands in a row."""
    return lambda lines: cursor_row(lines) == goal


def cursor_row(lines: Sequence[str]) -> int:
    """The screen's row with the table's cursor."""
    return next((row for row, line in enumerate(lines) if len(line) > 1 and line[1] == "▌"), -1)


def live(terminal: Terminal, idle: list[float]) -> None:
    """The same keys while a run is live, and what its curve costs in bytes."""
    from engine.experiments import launch
    from engine.runtime import control

    experiment, config = launch.configure("benchmarks.live", {"seconds": 120, "device": "cpu"})
    path = launch.launch(experiment, config, "live")
    try:
        terminal.until(lambda lines: "▸1" in lines[0])
        terminal.press("g")
        terminal.until(lambda lines: "Loss" in "".join(lines))
        terminal.idle(3)
        before = terminal.received
        terminal.idle(LIVE_SECONDS)
        rate = (terminal.received - before) / LIVE_SECONDS
        print(f"live run: {rate / 1000:.2f} kB/s to the terminal (budget 10)")
        busy = keys(terminal)
        report("key to frame, every core busy at nice 10", busy)
        print(f"p95 under load / idle: {p95(busy) / p95(idle):.2f} (budget 2)")
    finally:
        control.cancel(path)


def p95(times: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(times, n=20)[-1]


def report(what: str, times: list[float]) -> None:
    print(f"{what}: median {statistics.median(times) * 1000:.1f} ms, p95 {p95(times) * 1000:.1f} ms")


if __name__ == "__main__":
    main()
