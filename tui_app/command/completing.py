"""What a shell is offered for the arguments of the verbs: runs, settings, choices."""

from collections.abc import Mapping
from contextlib import suppress

import click
from click.shell_completion import CompletionItem

from engine.errors import InputError
from engine.experiments.api import ExperimentConfig
from engine.text import clean_line

MOST = 200  # runs that are offered, the newest
Items = list[CompletionItem[str]]


def complete_runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """The newest runs by id, each with its name, and `@last`."""
    from engine.runtime.runs import list_runs
    from engine.runtime.spec import RunSpec

    found: Items = []
    with suppress(InputError, OSError):
        for path in [path for path in list_runs() if path.name.startswith(incomplete)][:MOST]:
            with suppress(InputError):
                found.append(CompletionItem(path.name, help=clean_line(RunSpec.read(path).name)))
    return found + among({"@last": "the newest run"}, incomplete)


def complete_settings(config: type[ExperimentConfig], incomplete: str) -> Items:
    """`mo` to `modes=`, `modes=ptq,` to `modes=ptq,qat`."""
    from tui_app.widgets.form.fields import fields

    known = {field.name: field for field in fields(config)}
    name, sign, value = incomplete.partition("=")
    if not sign:
        return among({f"{key}=": field.description for key, field in known.items()}, incomplete)
    if name not in known:
        return []
    before, comma, last = value.rpartition(",") if known[name].kind == "choices" else ("", "", value)
    taken = before.split(",")
    return [
        CompletionItem(f"{name}={before}{comma}{choice}")
        for choice in known[name].choices
        if choice.startswith(last) and choice not in taken
    ]


def among(items: Mapping[str, str], incomplete: str) -> Items:
    """Those of some words, each with what it is, that begin like this."""
    return [CompletionItem(name, help=text) for name, text in items.items() if name.startswith(incomplete)]
