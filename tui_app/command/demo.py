"""`labtui demo`: a small sweep on a built-in model, from nothing to a PNG."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from engine.experiments import launch, results
from tui_app.command.follow import follow
from tui_app.command.output import print_run
from tui_app.command.say import say

EXPERIMENT = "quantize"
TEXT, LANGUAGE, VISION = "text", "lm", "vision"


@dataclass(frozen=True, slots=True)
class Demo:
    """A run's name and settings."""

    name: str
    settings: Mapping[str, Any]

    def launch(self) -> Path:
        """Starts it; the runtime's processes do the work.

        Raises:
            InputError: it cannot be started here.
        """
        experiment, config = launch.configure(EXPERIMENT, self.settings)
        return launch.launch(experiment, config, self.name)


_SWEEP = {"widths": "2,3,4,5,6,8", "modes": "ptq,qat", "qat_steps": 60}
DEMOS: Mapping[str, Demo] = {
    TEXT: Demo("demo", _SWEEP | {"max_length": 64}),
    LANGUAGE: Demo(
        "demo-lm",
        {"model": "builtin:lm", "widths": "3,4,5,6,8", "modes": "ptq,qat", "qat_steps": 40, "learning_rate": 1e-3}
        | {"window": 64, "eval_samples": 400, "batch_size": 32},
    ),
    VISION: Demo("demo-vision", _SWEEP | {"model": "builtin:vision", "data": "builtin:vision", "learning_rate": 1e-3}),
}


@click.command()
@click.option(
    "--task",
    type=click.Choice(list(DEMOS)),
    default=TEXT,
    show_default=True,
    help="What the built-in model is for: film reviews, their next words, or images of digits.",
)
@click.option(
    "--png", type=click.Path(path_type=Path), default=Path("labtui-demo.png"), show_default=True, help="The figure."
)
def demo(task: str, png: Path) -> None:
    """Quantise a built-in model at several widths, with and without training; no network is needed."""
    from engine.figures.image import render

    record = follow(DEMOS[task].launch())
    print_run(record)
    render(results.figures(record)[0], png)
    say(f"figure: {png}")
    if record.state != "finished":
        sys.exit(1)
