"""`notify` in config.toml: a shell command that the driver runs when a run has ended, whether or not an app is open."""

import os
import signal
import subprocess
import tomllib
from contextlib import suppress

from engine.runtime.home import config_path
from engine.runtime.records import RunRecord
from engine.text import clean_line

SECONDS = 30.0
WORTH_SAYING = ("finished", "failed", "interrupted")
"""How a run may end that is news: who has cancelled it knows."""


def command() -> str:
    """What config.toml says; empty where it says nothing, or nothing that makes sense."""
    try:
        found = tomllib.loads(config_path().read_text(encoding="utf-8")).get("notify", "")
    except (OSError, ValueError):
        return ""
    return found.strip() if isinstance(found, str) else ""


def message(run: RunRecord) -> str:
    """One line: `q-0003 bert sweep: failed, 3 of 8 points (ValueError: no such layer)`."""
    errors = [point.error for point in run.points if point.error]
    why = run.problem or (errors[-1].get("message", "") if errors else "")
    reason = f" ({clean_line(why)[:200]})" if why and run.state != "finished" else ""
    name = "" if run.name == run.id else f" {clean_line(run.name)[:60]}"
    return f"{run.id}{name}: {run.state}, {run.done} of {len(run.points)} points{reason}"


def facts(run: RunRecord) -> dict[str, str]:
    """What the command finds in its environment."""
    return {
        "LABTUI_MESSAGE": message(run),
        "LABTUI_RUN": run.id,
        "LABTUI_NAME": clean_line(run.name),
        "LABTUI_STATE": run.state,
        "LABTUI_FOLDER": str(run.path),
    }


def run_command(text: str, environment: dict[str, str]) -> str:
    """Runs a shell command with these variables more. Returns what went wrong, empty if nothing did."""
    process = subprocess.Popen(
        ["/bin/sh", "-c", text],
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return f"it took more than {SECONDS:.0f} seconds and was ended"
    if process.returncode == 0:
        return ""
    said = clean_line(output.decode(errors="replace"))[-300:]
    return f"it ended with status {process.returncode}" + (f": {said}" if said else "")


def run_ended(run: RunRecord) -> None:
    """Tells whoever asked for it. What goes wrong with that is in the driver's log; the run is over in any case."""
    if run.state in WORTH_SAYING and (text := command()) and (problem := run_command(text, facts(run))):
        print(f"notify: {problem}", flush=True)
