"""The verbs of `labtui`. Results go to stdout, progress and errors to stderr.

Exit codes: 0 done, 1 the run failed, 2 wrong usage or config, 130 interrupted.
"""

import errno
import importlib
import sys
from typing import Any

import click

from engine.errors import InputError

VERBS = {
    "run": "Start an experiment and follow it.",
    "runs": "List runs.",
    "show": "Show one run: state, best point, table.",
    "logs": "Print what the workers of a run wrote.",
    "pause": "Finish the running points, then free the device.",
    "resume": "Go on with a paused or interrupted run.",
    "cancel": "Stop a run at once, for good.",
    "rm": "Remove a run and all its files.",
    "extend": "Add trials to a search.",
    "enqueue": "Give the next trial of a search its parameters.",
    "export": "Write figures, tables or a report of a run.",
    "formats": "Print the number formats with their ranges and bits.",
    "doctor": "Check this machine and say what labtui can use.",
    "demo": "Run a small sweep on the built-in model and data.",
}
MODULES = {"pause": "control", "resume": "control", "cancel": "control", "rm": "control"}
MODULES |= {"extend": "trials", "enqueue": "trials"}


class Verbs(click.Group):
    """Imports a verb's module when it is used, so that each command starts quickly."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"tui_app.command.{MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as error:
            click.echo(f"labtui: {error}", err=True)
            sys.exit(2)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            click.echo("labtui: the disk is full; make room and try again.", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            sys.exit(130)


@click.group(cls=Verbs, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--ascii", "plain", is_flag=True, help="Draw the app with ASCII characters alone.")
@click.version_option(package_name="labtui")
@click.pass_context
def cli(ctx: click.Context, plain: bool) -> None:
    """A terminal workbench for neural-network compression. Without a command it opens the app."""
    if ctx.invoked_subcommand is None:
        from tui_app.app import run

        sys.exit(run(ascii_only=plain))
