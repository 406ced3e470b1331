"""`labtui export RUN --mlflow URI` and its like: a run in a team's own tracker."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from engine.runtime.records import RunRecord
from engine.tracking.registry import TRACKERS
from tui_app.command.say import say


def tracker_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option for each tracker."""
    for tracker in reversed(list(TRACKERS.values())):
        command = click.option(f"--{tracker.name}", metavar=tracker.target, help=tracker.help)(command)
    return command


def publish(runs: Sequence[RunRecord], targets: Mapping[str, str]) -> None:
    """Sends every run to each of the targets, by tracker, and says where it now stands."""
    from engine.tracking.told import told

    for name in targets:
        TRACKERS[name].check_installed()
    for run in map(told, runs):
        for name, target in targets.items():
            say(TRACKERS[name].publish(run, target))
