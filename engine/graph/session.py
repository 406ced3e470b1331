"""What the Graph page asks of the warm worker. Programs stay here by number; descriptions go out as plain values."""

from collections import OrderedDict
from itertools import count
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.graph.capture import Mode, Program
from engine.graph.capture import capture as capture_program
from engine.graph.check import check
from engine.graph.draw import write
from engine.graph.erase import try_erase
from engine.graph.inputs import is_own, usual_inputs
from engine.graph.record import from_dict
from engine.graph.subjects import subject
from engine.graph.transforms import apply, with_weights
from engine.models.builtin import is_unmade

KEPT = 16  # programs, the oldest go first

_programs: "OrderedDict[int, Program]" = OrderedDict()
_numbers = count(1)


def capture(model: str, inputs: list[str], attention: str, mode: Mode, batch: int, sequence: int) -> dict[str, Any]:
    """A new program: its number and its description.

    What takes no text is captured with what it usually gets: the page asks for texts until somebody chooses.
    """
    found = subject(model, attention)
    usual = usual_inputs(found.model)
    if is_own(found.model) or ("input_ids" not in usual and "input_ids" in inputs):
        inputs = [*usual, *(name for name in inputs if name == "labels" and not is_own(found.model))]
    return _kept(capture_program(found, inputs, mode=mode, sizes={"batch": batch, "sequence": sequence}))


def weigh(program: int) -> dict[str, Any]:
    """The program with its weights read, so that their ranges are known; nothing where they are still to be made."""
    found = _held(program)
    return {} if is_unmade(found.subject.title) else _kept(with_weights(found))


def transform(program: int, text: str) -> dict[str, Any]:
    """The program after a pass, and how it compares with the model."""
    return _checked(apply(_held(program), text))


def erase(program: int, node: str) -> dict[str, Any]:
    """What torch.fx says to erasing a node as it stands; and the program without it, where it can be done."""
    report, done = try_erase(_held(program), node)
    return {"report": report.as_dict()} | (_checked(done) if done is not None else {})


def save(graph: dict[str, Any], path: str, module: str) -> str:
    """Writes a description as what the path's ending says. Returns the path."""
    write(from_dict(graph), Path(path), module)
    return path


def _checked(program: Program) -> dict[str, Any]:
    found = check(program)
    return _kept(program) | {"difference": found.difference, "found": found.sentence}


def _kept(program: Program) -> dict[str, Any]:
    number = next(_numbers)
    _programs[number] = program
    while len(_programs) > KEPT:
        _programs.popitem(last=False)
    return {"program": number, "graph": program.graph.as_dict()}


def _held(number: int) -> Program:
    if number not in _programs:
        raise InputError("this graph is no longer held; capture it again with ctrl+r.")
    _programs.move_to_end(number)
    return _programs[number]
