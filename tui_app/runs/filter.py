"""The filter of Home and of `labtui runs -q`: the language of tables, asked of runs.

The fields are experiment, state, model, data, name, id, device and tag; the numbers those of the best point, bytes,
points, done, and age in seconds.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import get_args

from engine.errors import InputError, hint
from engine.runtime.records import RunState
from engine.tasks.metric import SHORT
from tui_app.filtering import Language, meant, number
from tui_app.runs.summary import Summary

FIELDS = ("experiment", "state", "model", "data", "name", "id", "device", "tag")
NUMBERS = ("points", "done", "age", "bytes")
STATES = (*get_args(RunState), "damaged")


def _language(now: float) -> Language[Summary]:
    def numbers(run: Summary) -> Mapping[str, float]:
        known = {"points": float(run.total), "done": float(run.done), "age": now - run.created}
        known |= {short: run.values[name] for short, name in SHORT.items() if name in run.values}
        return known | ({"bytes": float(run.bytes)} if run.bytes is not None else {}) | dict(run.values)

    return Language[Summary](FIELDS, lambda run: run.words, getattr, numbers)


def parse_filter(text: str, now: float | None = None) -> Callable[[Summary], bool]:
    """What `text` asks for, as a test on a run's summary.

    `now` is the Unix time that ages are counted from (default: the time of the call).
    """
    return _language(time.time() if now is None else now).parse(text)


def check_filter(text: str, runs: Iterable[Summary]) -> None:
    """Raises InputError where `text` asks by a name that no run can have, or compares a number with what is none.

    Names are those of fields, numbers, states and experiments.
    """
    found = list(runs)
    numbers = {*NUMBERS, *SHORT, *SHORT.values(), *(name.lower() for run in found for name in run.values)}
    for name, value in _language(0.0).named(text):
        field = name.removesuffix(":")
        if field == name:
            unknown = meant(numbers, name) is None and meant(numbers := numbers | _recordable(), name) is None
            if number(value) is None:
                if unknown:  # a word that has such a sign in it
                    continue
                raise InputError(
                    f"The filter compares {name} with {value!r}, which is no number; write for example acc>=0.8."
                )
            if unknown:
                rest = hint(name, numbers, f"runs have {', '.join(NUMBERS)} and the numbers of their best point.")
                raise InputError(f"The filter knows no number {name!r}; {rest}")
        elif field not in FIELDS:
            rest = hint(field, FIELDS, f"the fields are {', '.join(FIELDS)}; quotes make it a word.")
            raise InputError(f"The filter knows no field {name!r}; {rest}")
        elif field == "state":
            _among("state", value, STATES)
        elif field == "experiment":
            _among("experiment", value, {*_experiments(), *(run.experiment for run in found)})


def _among(field: str, value: str, known: Collection[str]) -> None:
    if not any(value in one.lower() for one in known):
        rest = hint(value, known, f"there are {', '.join(sorted(known))}.")
        raise InputError(f"The filter knows no {field} {value!r}; {rest}")


def _experiments() -> tuple[str, ...]:
    from engine.experiments import registry

    return registry.NAMES


def _recordable() -> set[str]:
    """The numbers of every experiment's results."""
    from engine.experiments import registry

    return {column.key.lower() for name in _experiments() for column in registry.get(name).columns_of({})}
