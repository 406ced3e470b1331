"""`labtui demo`: a small sweep on the built-in pair, from nothing to a PNG."""

import sys
from pathlib import Path

import click

from engine.experiments import launch, results
from tui_app.command.follow import follow
from tui_app.command.output import print_run

EXPERIMENT = "quantize"
SETTINGS = {"widths": "2,3,4,5,6,8", "modes": "ptq,qat", "qat_steps": 60, "max_length": 64}
NAME = "demo"


@click.command()
@click.option(
    "--png", type=click.Path(path_type=Path), default=Path("labtui-demo.png"), show_default=True, help="The figure."
)
def demo(png: Path) -> None:
    """Quantise the built-in classifier at six widths, with and without training; no network is needed."""
    from engine.figures.image import render

    experiment, config = launch.configure(EXPERIMENT, SETTINGS)
    record = follow(launch.launch(experiment, config, NAME))
    print_run(record)
    render(results.figures(record)[0], png)
    click.echo(f"figure: {png}")
    if record.state != "finished":
        sys.exit(1)
