"""The verbs of `labtui`. Results go to stdout, progress and errors to stderr.

Exit codes: 0 done, 1 the run failed, 2 wrong usage or config, 130 interrupted.
"""

import importlib
import os
import sys
from typing import Any

import click
from click.exceptions import NoArgsIsHelpError

from engine.errors import InputError, hint
from engine.runtime.files import in_words
from engine.text import clean
from tui_app.command.completing import Items, among
from tui_app.command.say import complain
from tui_app.terminal import open_app

VERBS = {
    "run": "Start an experiment and follow it.",
    "runs": "List runs.",
    "show": "Show one run: state, best point, table.",
    "logs": "Print what the workers of a run wrote.",
    "pause": "Finish the running points, then free the device.",
    "resume": "Go on with a paused or interrupted run.",
    "cancel": "Stop a run at once, for good.",
    "rm": "Remove runs and all their files.",
    "extend": "Add trials to a search.",
    "enqueue": "Give the next trial of a search its parameters.",
    "tag": "Write tags and a note on a run.",
    "export": "Write figures, tables or a report of a run.",
    "recipes": "List whole tasks to run: exercises, published tables.",
    "formats": "Print the number formats with their ranges and bits.",
    "doctor": "Check this machine and say what labtui can use.",
    "completion": "Print a script for the completion of a shell.",
    "demo": "Run a small sweep on the built-in model and data.",
}
VARIABLE = "_LABTUI_COMPLETE"
"""Set by a shell that asks how a command line may go on."""
MODULES = {"pause": "control", "resume": "control", "cancel": "control", "rm": "control"}
MODULES |= {"extend": "trials", "enqueue": "trials"}


class Verbs(click.Group):
    """Imports a verb's module when it is used, so that each command starts quickly."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in VERBS:
            raise InputError(f"There is no command {args[0]!r}; {hint(args[0], VERBS, 'labtui --help lists them.')}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> Items:
        return among(VERBS, incomplete) + click.Command.shell_complete(self, ctx, incomplete)

    def make_context(self, *arguments: Any, **extra: Any) -> click.Context:
        try:
            return super().make_context(*arguments, **extra)
        except click.ClickException as error:
            raise _cleaned(error) from None

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
            complain(error)
            sys.exit(2)
        except BrokenPipeError:  # whoever read has gone, which click answers
            raise
        except OSError as error:
            complain(in_words(error))
            sys.exit(1)
        except click.ClickException as error:
            raise _cleaned(error) from None
        except KeyboardInterrupt:
            sys.exit(130)


class WrongUsage(click.ClickException):
    """What is wrong with the words of a command line, in a sentence like that of any other wrong input."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        complain(self.format_message())


def _cleaned(error: click.ClickException) -> click.ClickException:
    """The error in our words and without the escapes of those it repeats; help that was asked for stays help."""
    if isinstance(error, NoArgsIsHelpError):
        return error
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else "labtui"
    text = " ".join(clean(error.format_message()).split())
    return WrongUsage(f"{text}{'' if text.endswith(('.', '?')) else '.'} See {where} --help.")


@click.group("labtui", cls=Verbs, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--ascii", "plain", is_flag=True, help="Draw the app with ASCII characters alone.")
@click.version_option(package_name="labtui")
@click.pass_context
def cli(ctx: click.Context, plain: bool) -> None:
    """A terminal workbench for neural-network compression. Without a command it opens the app."""
    if ctx.invoked_subcommand is None:
        sys.exit(open_app(ascii_only=plain))


def main() -> None:
    """Runs what the command line says, or answers a shell that completes one."""
    if VARIABLE in os.environ:
        from tui_app.command.completion import register

        register()
    cli(prog_name="labtui", complete_var=VARIABLE)
