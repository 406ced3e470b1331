"""From a name and loose values to a run on disk: what the command line, the form and TOML files all go through."""

import math
import re
import shlex
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engine.errors import InputError, hint
from engine.experiments import registry
from engine.experiments.ahead import needs
from engine.experiments.api import AnyExperiment, ExperimentConfig
from engine.experiments.placement import placement
from engine.experiments.results import pinned
from engine.experiments.room import check_room, task_bytes
from engine.experiments.shared.settings import bare
from engine.runtime import control
from engine.runtime.hardware import hardware
from engine.runtime.references import PREFIX
from engine.runtime.runs import create_run
from engine.runtime.standby import Standby
from engine.runtime.versions import versions
from engine.tasks.kinds import AUTO, task_of

LARGEST_CONFIG = 1 << 20  # bytes


def is_on_hub(source: str) -> bool:
    """Whether a source has to be asked for over a network. Raises InputError for one that cannot be."""
    from engine.models.sources import locate

    return bool(source) and not source.startswith(PREFIX) and locate(source).kind == "hub"


def configure(name: str, values: Mapping[str, Any]) -> tuple[AnyExperiment, ExperimentConfig]:
    """The experiment and its validated config. Raises InputError that names every field that is wrong.

    Models named by the runs that made them are settled here: `run:@last` means another one tomorrow.
    """
    experiment = registry.get(name)
    settled = dict(values)
    for setting in ("model", "teacher"):
        if setting in settled:
            settled[setting] = _pinned(settled[setting])
    fields = experiment.Config.settings()
    if "task" in fields and settled.get("task", AUTO) == AUTO:
        settled["task"] = task_of(str(settled.get("model") or fields["model"].default))
    try:
        return experiment, experiment.Config.model_validate(settled)
    except ValidationError as error:
        raise InputError(" ".join(field_errors(error, experiment.Config).values())) from error


def _pinned(value: Any) -> Any:
    """A setting that names a model, several of them, or `none,` and one."""
    if isinstance(value, list | tuple):
        return [_pinned(one) for one in value]
    if not isinstance(value := bare(value), str):
        return value
    first, comma, rest = value.partition(",")
    return f"{first},{pinned(rest.strip())}" if comma and first.strip() == "none" else pinned(value)


def idle_settings(experiment: AnyExperiment, config: ExperimentConfig, names: Iterable[str]) -> list[str]:
    """A sentence for each of these settings that means nothing beside the others."""
    sentences = []
    for name in names:
        for other, allowed in experiment.Config.conditions(name).items():
            value = getattr(config, other)
            chosen = {str(one) for one in (value if isinstance(value, tuple) else (value,))}
            if not chosen & set(allowed):
                belongs = f": it belongs to {other}={' or '.join(allowed)}" if allowed else ""
                sentences.append(f"{name} is not used here{belongs}.")
    return sentences


def field_errors(error: ValidationError, config: type[ExperimentConfig]) -> dict[str, str]:
    """One sentence for each field that failed, keyed by field name ("" for the config as a whole).

    It ends as sentences do, whether or not what a validator raises does.
    """
    sentences: dict[str, str] = {}
    for item in error.errors():
        field = str(item["loc"][0]) if item["loc"] else ""
        if item["type"] == "extra_forbidden":
            names = list(config.settings())
            text = f"there is no such setting; {hint(field, names, 'the settings are ' + ', '.join(names))}"
        else:
            text = _reason(item["type"], item["input"], item.get("ctx", {}), item["msg"])
        sign = " " if text.startswith("must ") else ": "
        sentence = f"{field}{sign}{text}" if field else text
        sentences.setdefault(field, sentence if sentence.endswith((".", "?")) else f"{sentence}.")
    return sentences


_KINDS = {"int": "a whole number", "float": "a number", "bool": "yes or no", "string": "text", "finite": "finite"}
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}


def _reason(kind: str, value: Any, context: Mapping[str, Any], otherwise: str) -> str:
    """What is wrong with one value, by the type of pydantic's error; pydantic's own words where there is no better."""
    if kind == "value_error":
        return str(context["error"])
    if kind == "too_short":
        return "nothing is named; name one at least, several with commas between them"
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", str(context["expected"]))
        return f"there is no choice {value!r}; {hint(str(value), choices, 'the choices are ' + ', '.join(choices))}"
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return f"must be {words} {context[bound]:g}, not {value!r}"
    if needed := _KINDS.get(kind.partition("_")[0]):
        return f"must be {needed}, not {value!r}"
    return otherwise[0].lower() + otherwise[1:] + f" (not {value!r})"


def parse_setting(text: str) -> tuple[str, Any]:
    """`key=value` from a command line; the value is read as TOML where it is TOML, else taken as text."""
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise InputError(f"A setting is written key=value, for example widths=4,8; {text!r} is not.")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):  # text, or a number or nesting that no setting has
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
        with path.open("rb") as file:  # a pipe or a device may have no end
            data = file.read(LARGEST_CONFIG + 1)
    except OSError as error:
        raise InputError(f"The config file {path} cannot be read: {error.strerror}.") from error
    if len(data) > LARGEST_CONFIG:
        raise InputError(f"The config file {path} is larger than 1 MiB; name a TOML file of settings.")
    try:
        return tomllib.loads(data.decode())
    except RecursionError:
        raise InputError(f"The config file {path} is nested too deeply.") from None
    except ValueError as error:  # no UTF-8, no TOML, or a number too long to be read
        raise InputError(f"The config file {path} is not TOML: {error}.") from error


def check(experiment: AnyExperiment, config: ExperimentConfig) -> list[str]:
    """What is to be known before the start, a sentence each: what the experiment says, and where points are computed.

    Raises:
        InputError: the config asks for what is not there.
    """
    said = list(experiment.check(config) or ())
    seats = placement(experiment, config, len(experiment.points(config))).seating
    return [*said, seats.said] if seats.said else said


def launch(
    experiment: AnyExperiment,
    config: ExperimentConfig,
    name: str | None = None,
    *,
    start: bool = True,
    recipe: Mapping[str, Any] | None = None,
    say: Callable[[str], None] = lambda _: None,
    standby: Standby | None = None,
) -> Path:
    """Checks the config against the world, records the run and starts its driver. Returns the run's directory.

    What the check has to say before the start goes to `say`, a sentence each. `recipe` is what it keeps of a recipe.
    The driver is the one that `standby` has, or one that starts beside the checks; `standby` has none afterwards.
    """
    ahead = standby or Standby()
    if start:
        ahead.prepare(needs(experiment, config))
    try:
        for sentence in check(experiment, config):
            say(sentence)
        directory = _recorded(experiment, config, name, recipe)
        if start:
            control.start(directory, ahead)
        return directory
    finally:
        ahead.close()


def _recorded(
    experiment: AnyExperiment, config: ExperimentConfig, name: str | None, recipe: Mapping[str, Any] | None
) -> Path:
    points = experiment.points(config)
    place = placement(experiment, config, len(points))
    share = math.ceil(len(points) / (len(place.devices) * place.seating.seats))  # so that no GPU is left without a task
    group = 1 if place.cpu else max(1, min(share, experiment.at_once(config)))
    task = task_bytes(experiment, config, group)
    check_room(experiment, config, len(points), task)
    return create_run(
        experiment=registry.key_of(experiment),
        config=config.model_dump(mode="json"),
        points=[dict(point) for point in points],
        name=name or experiment.label(config),
        seed=config.seed,
        devices=place.devices,
        group=group,
        seats=place.seating.seats,
        threads=place.seating.threads,
        reserve=task,
        versions=versions(),
        hardware=hardware(),
        recipe=recipe,
        cluster=place.cluster,
    )
