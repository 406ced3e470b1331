"""`labtui run`: starts an experiment and follows it to its end."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from engine.experiments import launch, registry
from engine.experiments.api import ExperimentConfig
from tui_app.command.completing import Items, among, complete_settings
from tui_app.command.recipes import complete_recipes
from tui_app.command.say import say


class Experiments(click.Group):
    """One command for each experiment, its settings listed in its help."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> Items:
        return among(dict.fromkeys(registry.names(), ""), incomplete) + click.Command.shell_complete(
            self, ctx, incomplete
        )

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(registry.names())

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, registry.summary_of(name)) for name in registry.names()])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        experiment = registry.get(cmd_name)
        return Starting(
            cmd_name,
            callback=lambda **options: start(cmd_name, **options),
            params=[
                click.Option(["--config", "path"], type=click.Path(path_type=Path), help="Settings from a TOML file."),
                click.Option(
                    ["--set", "settings"],
                    multiple=True,
                    metavar="KEY=VALUE",
                    help="One setting; wins over the file.",
                    shell_complete=lambda ctx, param, typed: complete_settings(experiment.Config, typed),
                ),
                click.Option(["--name"], help="A name for the run; made from its settings where absent."),
                click.Option(["--detach"], is_flag=True, help="Start it, print its id and return."),
                click.Option(["--json", "as_json"], is_flag=True, help="Print the finished run as JSON."),
            ],
            help=experiment.summary,
            short_help=experiment.summary,
            settings=settings_help(experiment.Config),
        )


class Starting(click.Command):
    """The command that starts one experiment; `settings` are the rows that its help ends with."""

    def __init__(self, name: str, *, settings: Sequence[tuple[str, str]], **attributes: Any) -> None:
        super().__init__(name, **attributes)
        self._settings = settings

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Settings, each with --set KEY=VALUE"):
            formatter.write_dl(self._settings)


def settings_help(config: type[ExperimentConfig]) -> list[tuple[str, str]]:
    """The settings of an experiment in the order of its form: name, and what it is with choices and default.

    What means nothing without another setting says with which.
    """
    from tui_app.widgets.form.fields import fields

    rows = []
    for field in fields(config):
        if not all(choices for _, choices in field.when):  # inherited, and of no meaning here
            continue
        facts = [f"only with {other}={' or '.join(choices)}" for other, choices in field.when]
        if field.kind in ("choice", "choices"):
            facts.append(f"{'any of' if field.kind == 'choices' else 'one of'} {', '.join(field.choices)}")
        if field.default:
            facts.append(f"default: {field.default}")
        rows.append((field.name, field.description + (f"  [{'; '.join(facts)}]" if facts else "")))
    return rows


@click.group(cls=Experiments, invoke_without_command=True)
@click.option("--recipe", metavar="NAME", shell_complete=complete_recipes, help="A recipe instead of an experiment.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="With --recipe: for the runs that have it.")
@click.option("--offline", is_flag=True, help="With --recipe: small, on the built-in model, without a network.")
@click.option(
    "--report", type=click.Path(path_type=Path), metavar="DIR", help="With --recipe: write a report at the end."
)
@click.option("--detach", is_flag=True, help="With --recipe: start it, print the ids and return.")
@click.option("--json", "as_json", is_flag=True, help="With --recipe: print the finished runs as JSON.")
@click.pass_context
def run(ctx: click.Context, /, recipe: str | None, **options: Any) -> None:
    """Start an experiment, or a recipe, and follow it. Runs outlive the terminal: ctrl+c leaves them running."""
    if ctx.invoked_subcommand is None and recipe is None:
        if used := [name for name, value in options.items() if value]:
            raise click.UsageError(
                f"--{OPTIONS.get(used[0], used[0])} belongs to --recipe NAME, or after an experiment."
            )
        raise click.exceptions.NoArgsIsHelpError(ctx)
    if ctx.invoked_subcommand is not None:
        if recipe is not None:
            raise click.UsageError("name an experiment or a --recipe, not both.")
        if used := [name for name, value in options.items() if value]:
            raise click.UsageError(f"--{OPTIONS.get(used[0], used[0])} goes after the experiment's name.")
        return
    from tui_app.command.cooking import cook

    cook(str(recipe), **options)


OPTIONS = {"settings": "set", "as_json": "json"}


def start(
    experiment_name: str, path: Path | None, settings: Sequence[str], name: str | None, detach: bool, as_json: bool
) -> None:
    """Validates, launches, follows; exits 1 where the run did not finish."""
    values = launch.read_config(path) if path else {}
    values |= dict(launch.parse_setting(setting) for setting in settings)
    experiment, config = launch.configure(experiment_name, values)
    for sentence in launch.idle_settings(experiment, config, values):
        say(sentence, err=True)
    directory = launch.launch(experiment, config, name, say=lambda sentence: say(sentence, err=True))
    from tui_app.command.output import print_json, print_run  # while the run starts

    if detach:
        if as_json:
            print_json({"id": directory.name, "path": str(directory)})
        else:
            say(directory.name)
        return
    from tui_app.command.follow import follow

    try:
        record = follow(directory)
    except KeyboardInterrupt:
        run_id = directory.name
        say(f"{run_id} goes on without this terminal; labtui show {run_id}, or labtui cancel {run_id}.", err=True)
        sys.exit(130)
    if as_json:
        from engine.experiments.results import document

        print_json(document(record))
    else:
        print_run(record)
    if record.state != "finished":
        raise SystemExit(1)
