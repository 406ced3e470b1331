"""`labtui doctor`: what this machine offers, and what is in the way."""

import importlib.util
import locale
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from typing import Literal

import click
from rich.text import Text

from engine.errors import InputError
from engine.experiments.standing import all_standing
from engine.figures.units import in_bytes
from engine.runtime import devices, home, notify
from engine.runtime.runs import list_runs
from engine.runtime.versions import versions
from tui_app.alerts import sequence
from tui_app.command.output import print_json
from tui_app.command.say import CleanConsole, command_terminal
from tui_app.config import read_config

LOW_DISK = 2e9
TRIAL = {
    "LABTUI_MESSAGE": "labtui doctor tries the command: this is what a run that has ended says",
    "LABTUI_RUN": "q-0000",
    "LABTUI_NAME": "trial",
    "LABTUI_STATE": "finished",
    "LABTUI_FOLDER": "",
}


@dataclass(frozen=True)
class Check:
    """One thing looked at: `advice` says how to fix it where `state` is not ok."""

    name: str
    state: Literal["ok", "warn", "fail"]
    found: str
    advice: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
@click.option("--notify", "try_it", is_flag=True, help="Try how you are told that a run has ended.")
@click.option("--address", help="Look at this Ray cluster too: auto, or HOST:PORT.")
def doctor(as_json: bool, try_it: bool, address: str | None) -> None:
    """Check this machine: Python, packages, state folder, disk, devices, terminal, notifications, a cluster."""
    checks = [*_packages(), *_state(), *_devices(), *_standing(), *_terminal(), *_notifications(try_it)]
    checks += _cluster(address) if address else []
    if as_json:
        print_json({"checks": [asdict(check) for check in checks], "versions": versions()})
    else:
        _print(checks)
    sys.exit(1 if any(check.state == "fail" for check in checks) else 0)


def _packages() -> list[Check]:
    found = versions()
    checks = [Check("python", "ok", found["python"])]
    for package in ("torch", "transformers"):
        if package in found:
            checks.append(Check(package, "ok", found[package]))
        else:
            checks.append(Check(package, "fail", "not installed", "Install it with: make run"))
    return checks


def _state() -> list[Check]:
    try:
        folder = home.home()
    except InputError as error:
        return [Check("state folder", "fail", str(os.environ.get("LABTUI_HOME", "")), str(error))]
    free = shutil.disk_usage(folder).free
    runs = len(list_runs())
    low = free < LOW_DISK
    return [
        Check("state folder", "ok", f"{folder} ({runs} runs)"),
        Check(
            "disk",
            "warn" if low else "ok",
            f"{in_bytes(free)} free",
            "A run waits where its next task does not fit; make room." if low else "",
        ),
    ]


def _devices() -> list[Check]:
    found = devices.available()
    checks = [Check("device", "ok", f"{device.name} ({in_bytes(device.memory_bytes)})") for device in found]
    if any(device.id != devices.CPU for device in found):
        return checks + _for_gpus()
    if importlib.util.find_spec("pynvml") is None:
        checks.append(Check("gpu", "warn", "nvidia-ml-py is missing", "Install it to see NVIDIA GPUs."))
    return checks


def _for_gpus() -> list[Check]:
    """What is missing to use the GPUs that are here."""
    checks = []
    if (torch := versions().get("torch", "")).endswith("+cpu"):
        advice = "Install a torch of the same version that is built for CUDA into labtui's .venv."
        checks.append(Check("torch for gpus", "fail", f"torch {torch} does not use them", advice))
    if importlib.util.find_spec("numba_cuda") is None:
        advice = "make cuda13 (or make cuda12, for a driver older than 580) adds them."
        checks.append(Check("gpu kernels", "warn", "MXINT8 has none for these GPUs yet", advice))
    return checks


def _standing() -> list[Check]:
    """The processes that an app keeps for its next run."""
    advice = "Started by an app for its next run, which then starts at once; it ends with the app."
    return [Check("stand-by", "ok", found.said, advice) for found in all_standing()]


def _cluster(address: str) -> list[Check]:
    """Whether a Ray cluster answers, and what each of its nodes has."""
    from engine.runtime.cluster.look import look

    try:
        seen = look(address)
    except InputError as error:
        return [Check("cluster", "fail", address, str(error))]
    checks = [Check("cluster", "ok", f"{address} ({len(seen)} node{'s' * (len(seen) != 1)})")]
    for one in seen:
        found = f"{one.node.name}: {one.node.cpus:g} CPUs, {one.node.gpus:g} GPUs"
        checks.append(Check("node", "fail" if one.problem else "ok", found, one.problem))
    return checks


def _terminal() -> list[Check]:
    colours = {"truecolor": "16 million", "24bit": "16 million"}.get(os.environ.get("COLORTERM", ""), "256 or fewer")
    encoding = locale.getpreferredencoding(False)
    utf8 = encoding.lower().replace("-", "") == "utf8"
    size = shutil.get_terminal_size()
    narrow = size.columns < 80 or size.lines < 24
    return [
        Check("terminal", "ok", f"{os.environ.get('TERM', 'unknown')}, {colours} colours"),
        Check(
            "encoding",
            "ok" if utf8 else "warn",
            encoding,
            "" if utf8 else "The app draws with ASCII; set LANG=C.UTF-8.",
        ),
        Check(
            "size",
            "warn" if narrow else "ok",
            f"{size.columns}×{size.lines}",
            "The app is made for 80×24 and more." if narrow else "",
        ),
    ]


def _notifications(try_it: bool) -> list[Check]:
    """How one is told that a run has ended: by the app's terminal, and by a command of one's own."""
    config = read_config(home.config_path())
    wrong = [problem for problem in config.problems if "notify" in problem or "alert" in problem]
    if try_it and config.alert:
        command_terminal("".join(sequence(kind, "labtui can notify you") for kind in config.alert))
    checks = [Check("alert", "ok", ", ".join(config.alert) or "off", "" if config.alert else "alert= in config.toml.")]
    if not config.notify:
        checks.append(Check("notify", "ok", "off", "notify= in config.toml names a command to run when a run ends."))
    elif not try_it:
        checks.append(Check("notify", "ok", config.notify, "Try it: labtui doctor --notify"))
    elif problem := notify.run_command(config.notify, TRIAL):
        checks.append(Check("notify", "fail", config.notify, f"The command does not work: {problem}."))
    else:
        checks.append(Check("notify", "ok", f"{config.notify} (tried, ended well)"))
    return checks + [Check("config.toml", "warn", problem) for problem in wrong]


def _print(checks: list[Check]) -> None:
    console = CleanConsole()
    looks = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}
    for check in checks:
        glyph, style = looks[check.state]
        console.print(Text.assemble((f"{glyph} ", style), (f"{check.name:<14}", "bold"), check.found), soft_wrap=True)
        if check.advice:
            console.print(Text(f"  {check.advice}", style="dim"), soft_wrap=True)
