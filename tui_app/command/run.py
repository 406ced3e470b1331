"""`labtui run`: starts an experiment and follows it to its end."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from engine.experiments import launch, registry
from tui_app.command.follow import follow
from tui_app.command.output import print_json, print_run


class Experiments(click.Group):
    """One command for each experiment, its settings listed in its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(registry.NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        experiment = registry.get(cmd_name)
        return click.Command(
            cmd_name,
            callback=lambda **options: start(cmd_name, **options),
            params=[
                click.Option(["--config", "path"], type=click.Path(path_type=Path), help="Settings from a TOML file."),
                click.Option(
                    ["--set", "settings"], multiple=True, metavar="KEY=VALUE", help="One setting; wins over the file."
                ),
                click.Option(["--name"], help="A name for the run; made from its settings where absent."),
                click.Option(["--detach"], is_flag=True, help="Start it, print its id and return."),
                click.Option(["--json", "as_json"], is_flag=True, help="Print the finished run as JSON."),
            ],
            help=experiment.summary,
            short_help=experiment.summary,
            epilog="\b\nSettings:\n" + settings_help(experiment.Config),
        )


def settings_help(config: type[Any]) -> str:
    """The settings of an experiment, one a line: name, default, what it is."""
    lines = []
    for name, field in config.model_fields.items():
        default = field.default
        shown = ",".join(map(str, default)) if isinstance(default, tuple) else "" if default is None else str(default)
        lines.append(f"  {name:<15} {shown:<22} {field.description or ''}")
    return "\n".join(lines)


@click.group(cls=Experiments, no_args_is_help=True)
def run() -> None:
    """Start an experiment and follow it. The run outlives the terminal: ctrl+c leaves it running."""


def start(
    experiment_name: str, path: Path | None, settings: Sequence[str], name: str | None, detach: bool, as_json: bool
) -> None:
    """Validates, launches, follows; exits 1 where the run did not finish."""
    values = launch.read_config(path) if path else {}
    values |= dict(launch.parse_setting(setting) for setting in settings)
    experiment, config = launch.configure(experiment_name, values)
    for sentence in launch.idle_settings(config, values):
        click.echo(sentence, err=True)
    directory = launch.launch(experiment, config, name)
    if detach:
        if as_json:
            print_json({"id": directory.name, "path": str(directory)})
        else:
            click.echo(directory.name)
        return
    try:
        record = follow(directory)
    except KeyboardInterrupt:
        run_id = directory.name
        click.echo(
            f"{run_id} goes on without this terminal; labtui show {run_id}, or labtui cancel {run_id}.", err=True
        )
        sys.exit(130)
    if as_json:
        from engine.experiments.results import document

        print_json(document(record))
    else:
        print_run(record)
    if record.state != "finished":
        raise SystemExit(1)
