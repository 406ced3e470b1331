"""From a recipe to runs on disk."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.experiments import launch, registry
from engine.experiments.api import AnyExperiment, ExperimentConfig
from engine.recipes.book import Recipe, Step

HARMLESS = frozenset(("seed", "device", "executor", "address", "gpus", "workers", "batch_size"))
"""Settings that may differ from the recipe's while its published values stay beside the run's."""


def start(
    recipe: Recipe,
    values: Mapping[str, Any],
    *,
    offline: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> list[Path]:
    """Records the recipe's runs and starts them; they take turns on the device. Returns their directories.

    `values` go before the recipe's own settings, in each run that has them.

    Raises:
        InputError: a setting that no run of the recipe has, or whatever stops a run; then none is started.
    """
    if offline and not recipe.offline:
        say(f"{recipe.name} runs offline as it is")
    prepared = [(step, *configured(step, values, offline)) for step in recipe.runs]
    known = {name for step in recipe.runs for name in registry.get(step.experiment).Config.settings()}
    if strange := [name for name in values if name not in known]:
        raise InputError(f"{strange[0]}: no run of the recipe {recipe.name} has such a setting.")
    for _, experiment, config in prepared:
        launch.check(experiment, config)
    return [
        launch.launch(experiment, config, step.name, recipe=_noted(recipe, step, values, offline, say), say=say)
        for step, experiment, config in prepared
    ]


def configured(step: Step, values: Mapping[str, Any], offline: bool) -> tuple[AnyExperiment, ExperimentConfig]:
    """The experiment of a run, and its config. Raises InputError where a setting is wrong."""
    fields = registry.get(step.experiment).Config.settings()
    own = {name: value for name, value in values.items() if name in fields}
    return launch.configure(step.experiment, {**step.settings, **(step.offline if offline else {}), **own})


def _noted(
    recipe: Recipe, step: Step, values: Mapping[str, Any], offline: bool, say: Callable[[str], None]
) -> dict[str, Any]:
    """What a run keeps of its recipe: published values only where it was asked for what they were measured on."""
    changed = [name for name in values if name not in HARMLESS] + ["offline"] * (offline and bool(step.offline))
    published = [] if changed else [asdict(one) for one in step.published]
    if step.published and changed:
        say(f"published values are left out: they were not measured with {', '.join(changed)} changed")
    return {"name": recipe.name, "source": recipe.source, "protocol": recipe.protocol, "published": published}
