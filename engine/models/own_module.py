"""A module of the user's own: its Python file is run, its function called, and what it gives is looked at.

Nothing runs but the file that the user named; what it imports from beside it is found after everything else.
"""

import copy
import hashlib
import importlib.util
import inspect
import json
import os
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.errors import InputError
from engine.models.python_file import CARRIED, RECIPE, WHOLE, PythonFile, read_python
from engine.runtime.reasons import out_of_memory
from engine.training.forward import ForwardError, forward

WEIGHTS = "model.safetensors"
USUAL_SIDES = (32, 28, 64, 224)
"""Pixels of images that a module is tried with where nothing says what it takes."""


@dataclass(slots=True)
class OwnModule:
    """`model` is the user's module in float32 and evaluation mode, called with one tensor by the name `input`.

    `mean` and `std` are what pixels are normalised by, an entry for each channel; `example` are inputs that the file
    gives, by name. `source` is what the user called it, `stored` the type that its weights came in.
    """

    model: Any
    file: PythonFile
    input: str
    source: str
    stored: str = "float32"
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    example: Mapping[str, Tensor] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def remade(self, arguments: Mapping[str, Any]) -> "OwnModule":
        """Another module of the same function, with these arguments in place of its defaults.

        Raises:
            InputError: the function's code raises on them.
        """
        other = load_module(self.file.source, dict(self.arguments) | dict(arguments))
        prepare(other.model, getattr(self.model, CARRIED, None))
        return other

    def save(self, folder: Path) -> None:
        """Weights and recipe; `engine.compress.load(folder, module=...)` takes the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file(state_of(self.model)[0], folder / WEIGHTS)
        self.save_companions(folder)

    def save_companions(self, folder: Path) -> None:
        """The recipe alone: which function of which text made the module, and with which arguments."""
        recipe = {**self.file.record, "arguments": dict(self.arguments), "stored": self.stored}
        (folder / RECIPE).write_text(json.dumps(recipe, indent=1), encoding="utf-8")


def load_module(source: str, arguments: Mapping[str, Any] | None = None) -> OwnModule:
    """Runs the file, calls its function and takes the module that comes back.

    Raises:
        InputError: the file or function cannot be used (`read_python`), its code raises, what it gives is no module
            with weights, or one that stays in training mode, or the module's forward takes no single input.
    """
    file = read_python(source)
    return subject_of(file, executed(file), arguments)


def subject_of(file: PythonFile, space: ModuleType, arguments: Mapping[str, Any] | None = None) -> OwnModule:
    """The same of a file that has been run."""
    arguments = dict(arguments or {})
    name = f"{file.path.name}:{file.function}"
    made = called(file, getattr(space, file.function, None), name, arguments)
    if not isinstance(made, nn.Module):
        raise InputError(f"{name} returned {_kind(made)} and no torch.nn.Module; return the module itself.")
    weights = [one for one in made.parameters() if one.is_floating_point()]
    if not weights:
        raise InputError(f"the module of {name} has no weights; return one that does.")
    stored = str(weights[0].dtype).removeprefix("torch.")
    mean, std = _channels(space, "MEAN", file), _channels(space, "STD", file)
    if len(mean) != len(std) and mean and std:
        raise InputError(f"MEAN of {file.path.name} has {len(mean)} entries and STD {len(std)}; give as many.")
    if any(value <= 0 for value in std):
        raise InputError(f"STD of {file.path.name} has an entry that is not above 0; correct it.")
    if any(part.training for part in made.float().eval().modules()):
        raise InputError(f"the module of {name} stays in training mode after eval(); let its train(mode) set the mode.")
    found = taken(file, made, stored, arguments)
    mean, std = mean or (0.0,) * len(std), std or (1.0,) * len(mean)
    return replace(found, mean=mean, std=std, example=_inputs(file, space, found.input))


def taken(file: PythonFile, model: nn.Module, stored: str, arguments: Mapping[str, Any]) -> OwnModule:
    """A module that a function of the file has made. Raises InputError where its forward takes no single input."""
    own = input_of(model, f"{file.path.name}:{file.function}")
    return OwnModule(model, file, own, file.source, stored, arguments=arguments)


def executed(file: PythonFile) -> ModuleType:
    """The module that running the file gives. Raises InputError with the file's own line where it raises."""
    name = f"labtui_module_{hashlib.sha256(os.fsencode(file.path)).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, file.path)
    assert spec is not None
    space = importlib.util.module_from_spec(spec)
    beside = str(file.path.parent)
    if beside not in sys.path:
        sys.path.append(beside)  # last: what lies there takes no other package's place
    sys.modules[name] = space  # dataclasses and pickles of its classes look there
    code = compile(file.text, str(file.path), "exec")
    try:
        exec(code, space.__dict__)
    except (Exception, SystemExit) as error:
        raise _raised(error, file, f"{file.path.name} cannot be run") from error
    return space


def called(file: PythonFile, function: Any, name: str, arguments: Mapping[str, Any]) -> Any:
    """What a function of the file gives. Raises InputError where it is none, needs more, or raises."""
    if not callable(function):
        raise InputError(f"{name} is {_kind(function)} and no function; name a function that returns a module.")
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError as error:
        raise InputError(f"{name} cannot be called so ({error}); give each of its arguments a default.") from None
    except ValueError:  # something built in, whose arguments nobody can tell
        pass
    try:
        return function(**arguments)
    except (Exception, SystemExit) as error:
        if out_of_memory(error):
            raise
        raise _raised(error, file, f"{name} raised an error") from error


def input_of(model: nn.Module, name: str) -> str:
    """The name of the one input that a module's forward needs. Raises InputError where it needs none or several."""
    taken = inspect.signature(model.forward).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    named = [one for one in taken if one.kind in kinds]
    needed = [one.name for one in named if one.default is inspect.Parameter.empty]
    if not named or len(needed) > 1:
        many = f"needs {' and '.join(needed)}" if needed else "takes no input by name"
        raise InputError(f"the forward of the module of {name} {many}; labtui gives it one input by name.")
    return needed[0] if needed else named[0].name


def prepare(model: nn.Module, example: Mapping[str, Tensor] | None) -> None:
    """Notes on the module what nothing else can say of it: inputs that it takes, and what it was when it was made."""
    if WHOLE not in model.__dict__:  # one that was cut and loaded again knows what it was
        model.__dict__[WHOLE] = copy.deepcopy(model).to("meta")
    if example:
        model.__dict__[CARRIED] = dict(example)


def classes_of(subject: OwnModule, inputs: Tensor) -> int:
    """How many classes the module tells apart, by its outputs for some inputs `[batch, ...]`.

    Raises:
        InputError: its code raises on them, or it gives no logits of `[batch, classes]`.
    """
    name = f"{subject.file.path.name}:{subject.file.function}"
    shape = list(inputs.shape)
    try:
        with torch.no_grad():
            found = forward(subject.model, {subject.input: inputs})
    except ForwardError as error:
        raise InputError(f"{name} does not take inputs of the shape {shape}: {error}.") from None
    logits = getattr(found, "logits", found)
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(inputs) or logits.shape[1] < 2:
        given = f"a tensor of the shape {list(logits.shape)}" if isinstance(logits, Tensor) else _kind(found)
        raise InputError(
            f"{name} gives {given} for inputs of the shape {shape}, and labtui scores logits of [batch, classes]; "
            "return those."
        )
    return int(logits.shape[1])


def image_size(subject: OwnModule) -> tuple[int, tuple[int, int] | None]:
    """The channels of its images, and their height and width where the file's `inputs()` says them."""
    shape = tuple(example.shape) if (example := subject.example.get(subject.input)) is not None else ()
    size = (int(shape[2]), int(shape[3])) if len(shape) == 4 else None
    if subject.mean:
        return len(subject.mean), size
    if size is not None:
        return int(shape[1]), size
    first = next((one for one in subject.model.modules() if isinstance(one, nn.Conv2d)), None)
    return (3 if first is None else first.in_channels), None


def example_of(subject: OwnModule) -> dict[str, Tensor]:
    """Inputs that the module takes: those of the file, or images or rows that its first layer takes, all zeros.

    Raises:
        InputError: the file gives none, and none of a usual size is taken.
    """
    if subject.example:
        return dict(subject.example)
    channels, _ = image_size(subject)
    first = next((one for one in subject.model.modules() if isinstance(one, nn.Conv2d | nn.Linear)), None)
    shapes: list[tuple[int, ...]] = (
        [(channels, side, side) for side in USUAL_SIDES] if isinstance(first, nn.Conv2d) else []
    )
    shapes += [(first.in_features,)] if isinstance(first, nn.Linear) else []
    for shape in shapes:
        tensor = torch.zeros(1, *shape)
        try:
            with torch.no_grad():
                forward(subject.model, {subject.input: tensor})
        except ForwardError:
            continue
        return {subject.input: tensor}
    name = subject.file.path.name
    raise InputError(f"{name} does not say what its module takes; add a function inputs() that returns a tensor.")


def state_of(model: nn.Module) -> tuple[dict[str, Tensor], dict[str, str]]:
    """A module's tensors, each once under its first name, on the CPU; by each other name the one it stands under."""
    first: dict[int, str] = {}
    tensors: dict[str, Tensor] = {}
    again: dict[str, str] = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        if (kept := first.setdefault(id(tensor), name)) == name:
            tensors[name] = tensor.detach().cpu().contiguous().clone()
        else:
            again[name] = kept
    return tensors, again


def fill(model: nn.Module, folder: Path) -> None:
    """Gives a module the weights that `OwnModule.save` wrote. Raises RuntimeError where they are of another one."""
    tensors = load_file(folder / WEIGHTS)
    _, again = state_of(model)
    model.load_state_dict(tensors | {name: tensors[kept] for name, kept in again.items() if kept in tensors})


def _inputs(file: PythonFile, space: ModuleType, own: str) -> dict[str, Tensor]:
    """What the file's `inputs()` gives, by name; empty where it has none."""
    function = getattr(space, "inputs", None)
    if function is None:
        return {}
    given = called(file, function, f"{file.path.name}:inputs", {})
    if isinstance(given, Tensor):
        given = {own: given}
    elif isinstance(given, list | tuple) and len(given) == 1:
        given = {own: given[0]}
    if not isinstance(given, Mapping) or not given or not all(isinstance(one, Tensor) for one in given.values()):
        raise InputError(
            f"inputs() of {file.path.name} gives {_kind(given)}; return a tensor, or a dictionary of tensors by the "
            "names of the forward's arguments."
        )
    if any(one.ndim == 0 for one in given.values()):
        raise InputError(f"inputs() of {file.path.name} gives a tensor without dimensions; the first is the batch.")
    return dict(given)


def _channels(space: ModuleType, name: str, file: PythonFile) -> tuple[float, ...]:
    value = getattr(space, name, ())
    value = value.tolist() if isinstance(value, Tensor) else value
    try:
        return (float(value),) if isinstance(value, int | float) else tuple(float(one) for one in value)
    except (TypeError, ValueError):
        raise InputError(f"{name} of {file.path.name} holds no numbers, one for each channel; correct it.") from None


def _raised(error: BaseException, file: PythonFile, what: str) -> InputError:
    """The sentence for an error in the user's code, with the last line of their file that it went through."""
    lines = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == str(file.path)]
    where = f", line {lines[-1]}" if lines else ""
    said = (str(error).strip() or "no reason given").splitlines()[0][:200].rstrip(".")
    return InputError(f"{what}: {type(error).__name__} at {file.path.name}{where} ({said}); correct the file.")


def _kind(value: Any) -> str:
    name = type(value).__name__
    return "nothing (None)" if value is None else f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
