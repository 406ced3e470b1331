"""How fast and how quiet the terminal app is, seen from the terminal: `python -m benchmarks.ui_latency`.

First paint; then for every page, while nothing happens and while a run is live that keeps every core busy at nice 10:
bytes sent to the terminal, the app's share of a core, and the time from a key to the first byte of what it changes.
The app runs on a pseudo-terminal over a temporary state folder; the warm worker is not counted.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from unittest import mock

import psutil

from benchmarks.terminal import Terminal

APP = (sys.executable, "-m", "tui_app")
STARTS = 5
KEYS = 20
SECONDS = 8.0
SETTLED = 4.0  # seconds without a byte
RUNS = 30
HOURS = 3 * 3600.0
WAY = {  # the keys that open a page from Home, and where it is left from
    "Home": "",
    "Graph": "2",
    "Quantize": "3",
    "Prune": "4",
    "Search": "5",
    "Profile": "6",
    "Formats": "7",
    "Run": "g\r",
    "Point": "g\r;p\r",
    "Compare": "g  c",
}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="labtui-bench-", ignore_cleanup_errors=True) as home:
        os.environ["LABTUI_HOME"] = home
        environ = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)  # every start would compile what changed since the last
        from tests.tui.recorded import write_run

        then = time.time() - HOURS
        with mock.patch("time.time", return_value=then):  # ages that do not change every second
            for number in range(RUNS):
                write_run(name=f"recorded {number}")
        first_paint(environ)
        print("\n| page | idle | CPU | key | live | CPU | key, busy |\n|---|---|---|---|---|---|---|")
        idle, live = pages(environ), {}
        with working():
            live = pages(environ)
        for page in WAY:
            print(f"| {page} | {' | '.join((*idle[page], *live[page]))} |")


def first_paint(environ: Mapping[str, str]) -> None:
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
    print(f"first paint: {best} ({paint / base:.2f} x importing Textual alone)", flush=True)


@contextmanager
def working() -> Iterator[None]:
    """While a run keeps every core busy."""
    from engine.experiments import launch
    from engine.runtime import control
    from engine.runtime.runs import read_run

    experiment, config = launch.configure("benchmarks.live", {"seconds": 600, "device": "cpu"})
    path = launch.launch(experiment, config, "live")
    while not read_run(path).running:
        time.sleep(0.1)
    try:
        yield
    finally:
        control.cancel(path)


def pages(environ: Mapping[str, str]) -> dict[str, tuple[str, str, str]]:
    """Bytes, share of a core and key to byte, page by page."""
    found = {}
    terminal = Terminal(APP, environ)
    try:
        terminal.until(lambda lines: "runs" in lines[1])
        settle(terminal)  # the warm worker imports torch meanwhile
        for page, keys in WAY.items():
            for key in f"1{keys}":
                terminal.press(key)
                terminal.idle(1)
            settle(terminal)
            found[page] = (*quiet(terminal), latency(terminal))
            print(page, *found[page], file=sys.stderr, flush=True)
    finally:
        terminal.close()
    return found


def settle(terminal: Terminal, most: float = 40.0) -> None:
    """Reads until nothing more comes for a while, or for `most` seconds."""
    end = time.monotonic() + most
    while time.monotonic() < end and terminal.read(SETTLED):
        pass


def quiet(terminal: Terminal) -> tuple[str, str]:
    """What a page costs while no key is pressed: bytes a second, share of a core."""
    process = psutil.Process(terminal.pid)
    sent, used, began = terminal.received, sum(process.cpu_times()[:2]), time.monotonic()
    terminal.idle(SECONDS)
    seconds = time.monotonic() - began
    rate = (terminal.received - sent) / seconds
    share = (sum(process.cpu_times()[:2]) - used) / seconds
    return f"{rate / 1000:.1f} kB/s" if rate >= 100 else f"{rate:.0f} B/s", f"{100 * share:.1f} %"


def latency(terminal: Terminal) -> str:
    """Median and 95th percentile of the milliseconds from an arrow to the first byte."""
    taken = []
    for number in range(KEYS):
        while terminal.read(0.02):
            pass
        start = time.perf_counter()
        terminal.press("\x1b[B" if number % 8 < 4 else "\x1b[A")
        if terminal.read(0.5):
            taken.append(1000 * (time.perf_counter() - start))
        terminal.idle(0.05 + 0.013 * (number % 7))
    if len(taken) < KEYS / 2:
        return "–"
    return f"{statistics.median(taken):.0f} ms, {p95(taken):.0f} ms"


def p95(times: Sequence[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(times, n=20)[-1]


if __name__ == "__main__":
    main()
