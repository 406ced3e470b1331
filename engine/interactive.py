"""The warm worker of one app: `python -m engine.interactive`.

It does at once what a screen asks for and what the app's process must not import: checking a config against files and
the hub, starting a run, drawing a figure as PNG or SVG. Other requests stand beside what they work on. JSON lines over
its pipes; it ends when the app's end closes.
A request is `{"id", "do", ...}`, its answer `{"id", "value"}` or `{"id", "error"}`, where `error` is a sentence.
"""

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from engine.errors import InputError
from engine.figures.figure import Figure, Mark, Series
from engine.runtime.files import in_words
from engine.runtime.processes import call_this_process, die_with
from engine.runtime.standby import Standby

if TYPE_CHECKING:
    from engine.experiments.api import AnyExperiment, ExperimentConfig

Values = Mapping[str, Any]
ROOM = 4 << 30
"""Bytes of memory that must be free for a host to stand by: it takes about a tenth of that."""
_standby = Standby(ROOM)


def check(experiment: str, values: Values) -> list[str]:
    """What is to be known before the start, a sentence each.

    Raises:
        InputError: a config that is wrong, or names a model or data that cannot be used.
    """
    from engine.experiments import launch as launching

    found, config = launching.configure(experiment, values)
    said = launching.check(found, config)
    _prepare(found, config)
    return said


def launch(experiment: str, values: Values, name: str | None = None) -> str:
    """Records a run and starts its driver, which is a process of its own. Returns the run's id.

    Another driver stands by for the next run of the same settings from then on.
    """
    from engine.experiments import launch as launching

    found, config = launching.configure(experiment, values)
    path = launching.launch(found, config, name, standby=_standby)
    _standby.after = path
    _prepare(found, config)
    return path.name


def _prepare(experiment: "AnyExperiment", config: "ExperimentConfig") -> None:
    """Has a driver stand by for this run, as far as the machine lets it; of others' modules none is kept warm."""
    from engine.experiments import ahead, registry

    ours = registry.key_of(experiment) in registry.NAMES
    with suppress(OSError):  # no process more: it will do without
        _standby.prepare(ahead.needs(experiment, config) if ours else None)


def standing_by() -> str | None:
    """Who stands by for the next run, and what memory it takes, in words."""
    from engine.experiments.standing import standing

    driver = _standby.driver
    found = None if driver is None else standing(driver.pid)
    return None if found is None else found.said


def picture(
    figure: Values, path: str, size: str | None = None, dpi: int | None = None, title: str | None = None
) -> str:
    """Writes a figure as PNG or SVG, by the path's ending. Returns the path."""
    from engine.figures.image import render
    from engine.figures.look import look

    render(figure_from(figure), Path(path), look(size, dpi, title))
    return path


def terminal_picture(figure: Values, protocol: Any, columns: int, rows: int, cell: list[int]) -> dict[str, Any]:
    """A figure for a terminal that shows pictures (`engine.figures.terminal`)."""
    from engine.figures.terminal import encoded

    return encoded(figure_from(figure), protocol, columns, rows, (cell[0], cell[1]))


def figure_from(values: Values) -> Figure:
    """A figure out of what `dataclasses.asdict` made of it."""

    def frozen(value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    plain = {key: frozen(value) for key, value in values.items() if key not in ("series", "marks")}
    series = tuple(Series(**{key: frozen(value) for key, value in one.items()}) for one in values["series"])
    return Figure(**plain, series=series, marks=tuple(Mark(**mark) for mark in values["marks"]))


# What can be asked for, as `module:function`; a module is imported when it is first needed.
REQUESTS = {
    "check": "engine.interactive:check",
    "launch": "engine.interactive:launch",
    "standing_by": "engine.interactive:standing_by",
    "picture": "engine.interactive:picture",
    "terminal_picture": "engine.interactive:terminal_picture",
    "format_model": "engine.profiling.inspect:layers",
    "format_layer": "engine.profiling.inspect:layer",
    "format_value": "engine.profiling.inspect:value",
    "format_sample": "engine.profiling.inspect:sample",
    "format_layers": "engine.profiling.inspect:some_layers",
    "curves": "engine.curves.reading:curves",
    "curves_offered": "engine.curves.reading:offered",
    "export_said": "engine.experiments.exporting:said",
    "export_written": "engine.experiments.exporting:written",
    "graph_capture": "engine.graph.session:capture",
    "graph_weigh": "engine.graph.session:weigh",
    "graph_transform": "engine.graph.session:transform",
    "graph_erase": "engine.graph.session:erase",
    "graph_save": "engine.graph.session:save",
}


def answer(line: str) -> dict[str, Any]:
    """Does what one request line asks."""
    request = json.loads(line)
    number, what = request.pop("id"), request.pop("do")
    try:
        module, _, name = REQUESTS[what].partition(":")
        return {"id": number, "value": getattr(import_module(module), name)(**request)}
    except (InputError, OSError) as error:
        return {"id": number, "error": in_words(error)}
    except Exception as error:  # one bad request must not end the worker
        return {"id": number, "error": f"{type(error).__name__}: {error}"}


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Answers each line in turn until there are no more."""
    for line in requests:
        answers.write(json.dumps(answer(line)) + "\n")
        answers.flush()


def main() -> None:
    """Serves the app's pipes and ends with it; what libraries print goes to stderr, never between the answers."""
    die_with(os.getppid())
    call_this_process("labtui-worker")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
