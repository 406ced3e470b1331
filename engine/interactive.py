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
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from engine.errors import InputError
from engine.figures.figure import Figure, Mark, Series
from engine.runtime.processes import die_with

Values = Mapping[str, Any]


def check(experiment: str, values: Values) -> None:
    """Raises InputError where a config is wrong, or names a model or data that cannot be used."""
    from engine.experiments.launch import configure

    found, config = configure(experiment, values)
    found.check(config)


def launch(experiment: str, values: Values, name: str | None = None) -> str:
    """Records a run and starts its driver, which is a process of its own. Returns the run's id."""
    from engine.experiments import launch as launching

    found, config = launching.configure(experiment, values)
    return launching.launch(found, config, name).name


def picture(figure: Values, path: str) -> str:
    """Writes a figure as PNG or SVG, by the path's ending. Returns the path."""
    from engine.figures.image import render

    render(figure_from(figure), Path(path))
    return path


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
    "picture": "engine.interactive:picture",
    "format_model": "engine.compress.inspect:layers",
    "format_layer": "engine.compress.inspect:layer",
    "format_value": "engine.compress.inspect:value",
    "format_layers": "engine.compress.inspect:some_layers",
    "graph_warm": "engine.graph.session:warm",
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
    except InputError as error:
        return {"id": number, "error": str(error)}
    except OSError as error:
        return {"id": number, "error": f"{error.filename or what}: {error.strerror or error}."}
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
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
