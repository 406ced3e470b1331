"""From a name and loose values to a run on disk: what the command line, the form and TOML files all go through."""

import math
import shlex
import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

from pydantic import ValidationError

from engine.errors import InputError
from engine.experiments import registry
from engine.experiments.base import Experiment, ExperimentConfig
from engine.experiments.chain import pinned
from engine.runtime import control, devices
from engine.runtime.runs import create_run


def configure(name: str, values: Mapping[str, Any]) -> tuple[Experiment, ExperimentConfig]:
    """The experiment and its validated config. Raises InputError that names every field that is wrong.

    A model named by the run that made it is settled here: `run:@last` means another one tomorrow.
    """
    experiment = registry.get(name)
    settled = dict(values)
    if isinstance(model := settled.get("model"), str):
        settled["model"] = pinned(model)
    try:
        return experiment, experiment.Config.model_validate(settled)
    except ValidationError as error:
        raise InputError("; ".join(field_errors(error, experiment.Config).values())) from error


def idle_settings(config: ExperimentConfig, names: Iterable[str]) -> list[str]:
    """A sentence for each of these settings that means nothing beside the others."""
    sentences = []
    for name in names:
        for other, allowed in type(config).conditions(name).items():
            value = getattr(config, other)
            chosen = {str(one) for one in (value if isinstance(value, tuple) else (value,))}
            if not chosen & set(allowed):
                sentences.append(f"{name} is not used here: it belongs to {other}={' or '.join(allowed)}.")
    return sentences


def field_errors(error: ValidationError, config: type[ExperimentConfig]) -> dict[str, str]:
    """One sentence for each field that failed, keyed by field name ("" for the config as a whole)."""
    sentences: dict[str, str] = {}
    for item in error.errors():
        field = str(item["loc"][0]) if item["loc"] else ""
        if item["type"] == "extra_forbidden":
            text = f"there is no such setting; the settings are {', '.join(config.model_fields)}"
        elif item["type"] == "value_error":
            text = str(item["ctx"]["error"])
        elif item["type"] == "too_short":
            text = "nothing is named; name one at least, several with commas between them"
        else:
            text = item["msg"][0].lower() + item["msg"][1:] + f" (not {item['input']!r})"
        sentences.setdefault(field, f"{field}: {text}" if field else text)
    return sentences


def parse_setting(text: str) -> tuple[str, Any]:
    """`key=value` from a command line; the value is read as TOML where it is TOML, else taken as text."""
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise InputError(f"A setting is written key=value, for example widths=4,8; {text!r} is not.")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value


def command(experiment: str, settings: Mapping[str, Any]) -> str:
    """The `labtui run` that starts the same, safe to paste into a shell."""
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={_as_setting(value)}")]
    return shlex.join(["labtui", "run", experiment, *words])


def _as_setting(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def read_config(path: Path) -> dict[str, Any]:
    """A TOML file's settings. Raises InputError where it is missing or is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"The config file {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"The config file {path} is not TOML: {error}.") from error


def launch(experiment: Experiment, config: ExperimentConfig, name: str | None = None, *, start: bool = True) -> Path:
    """Checks the config against the world, records the run and starts its driver. Returns the run's directory."""
    experiment.check(config)
    points, found = experiment.points(config), devices.resolve(config.device)
    share = math.ceil(len(points) / len(found))  # so that no GPU is left without a task
    directory = create_run(
        experiment=experiment.name,
        config=config.model_dump(mode="json"),
        points=[dict(point) for point in points],
        name=name or experiment.label(config),
        seed=config.seed,
        devices=found,
        group=1 if devices.CPU in found else max(1, min(share, experiment.at_once(config))),
        versions=versions(),
    )
    if start:
        control.start(directory)
    return directory


def versions() -> dict[str, str]:
    """The versions that a result may depend on."""
    found = {"python": python_version()}
    for package in ("labtui", "torch", "transformers", "numpy", "numba"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
