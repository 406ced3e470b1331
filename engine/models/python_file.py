"""A model that a Python file of the user's own makes, named as `path/to/file.py:function`. It is read here, never run.

The file is code: it is run where a model is needed, and only because somebody named it.
"""

import ast
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import InputError, hint
from engine.runtime.paths import existing, expanded

RECIPE = "module.json"
"""Beside saved weights of such a model: what made it. It is read, and the file that it names never run."""
_NAMED = re.compile(r"(?s)(.*\.py)(?::(.*))?")
_PLAIN = (bool, int, float, str)
CARRIED = "labtui_example"
"""The attribute of such a module that holds inputs which it takes, by name: nothing else tells them."""
WHOLE = "labtui_whole"
"""The attribute that holds it as it was made, without values: beside it what was cut out shows."""
LARGEST = 1 << 20  # bytes of a file that anybody wrote


@dataclass(frozen=True, slots=True)
class PythonFile:
    """`arguments` are the function's with their plain defaults, `choices` the values that a `Literal` allows them."""

    source: str
    path: Path
    function: str
    text: str
    arguments: Mapping[str, Any]
    choices: Mapping[str, tuple[Any, ...]]

    @property
    def digest(self) -> str:
        """SHA-256 of the text, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def record(self) -> dict[str, str]:
        """What a run keeps of it."""
        return {"file": str(self.path), "function": self.function, "sha256": self.digest, "text": self.text}


def is_python(source: str) -> bool:
    """Whether a model is named as a function of a Python file."""
    return _NAMED.fullmatch(source) is not None


def parts(source: str) -> tuple[str, str]:
    """The file and the function that a source names, as they are written; the function may be empty."""
    found = _NAMED.fullmatch(source)
    return (found[1], found[2] or "") if found else (source, "")


def read_python(source: str) -> PythonFile:
    """The file and what its text says of the function.

    Raises:
        InputError: there is no such file or function, it is no Python, or the function cannot be called without
            arguments.
    """
    name, function = parts(source)
    path = existing(name)
    if path is None or not path.is_file():
        raise InputError(f"{name} does not exist; name a Python file that does, as path/to/file.py:function.")
    text = _text(path)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise InputError(f"{path.name}{line} is no Python ({reason}); correct it.") from None
    known = dict(_definitions(tree.body))
    if function not in known:
        functions = [one for one, node in known.items() if node is not None and not one.startswith("_")]
        there = f"it has {', '.join(functions)}" if functions else "it defines no function"
        if not function:
            raise InputError(f"{source} names no function; write {path.name}:FUNCTION ({there}).")
        raise InputError(f"{path.name} has no function {function!r}; {hint(function, functions, f'{there}.')}")
    arguments, choices = _arguments(known[function], f"{path.name}:{function}")
    return PythonFile(source, path.absolute(), function, text, arguments, choices)


def absolute_python(source: str) -> str:
    """The source with an absolute path where its file exists; any other text as it is."""
    name, function = parts(source)
    path = existing(name) if is_python(source) else None
    return source if path is None else f"{expanded(str(path)).absolute()}:{function}"


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise InputError(f"{path.name} is larger than 1 MiB, as no source is; name a file of Python.")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is no UTF-8 text (byte {error.start:,}); save it as UTF-8.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None


def _definitions(body: list[ast.stmt]) -> Iterator[tuple[str, ast.stmt | None]]:
    """Names that a module's top level binds, with what defines them; None where only running it can say."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((one.asname or one.name.partition(".")[0], None) for one in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((one.id, None) for one in targets if isinstance(one, ast.Name))
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from _definitions([*node.body, *getattr(node, "orelse", ())])


def _arguments(node: ast.stmt | None, name: str) -> tuple[dict[str, Any], dict[str, tuple[Any, ...]]]:
    """Plain defaults and choices of a function's arguments, or of a class's `__init__`.

    Raises:
        InputError: it needs arguments.
    """
    if isinstance(node, ast.ClassDef):
        made = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
        return _of_function(made[0], name, 1) if made else ({}, {})
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return _of_function(node, name, 0)
    return {}, {}


def _of_function(
    node: ast.FunctionDef | ast.AsyncFunctionDef, name: str, bound: int
) -> tuple[dict[str, Any], dict[str, tuple[Any, ...]]]:
    taken = node.args
    placed = [*taken.posonlyargs, *taken.args][bound:]
    first = len(placed) - len(taken.defaults)
    pairs: list[tuple[ast.arg, ast.expr | None]] = [(one, None) for one in placed[: max(0, first)]]
    pairs += zip(placed[max(0, first) :], taken.defaults[max(0, -first) :], strict=True)
    pairs += zip(taken.kwonlyargs, taken.kw_defaults, strict=True)
    if needed := [one.arg for one, default in pairs if default is None]:
        raise InputError(
            f"{name} needs {' and '.join(needed)}, and labtui calls it without arguments; give each a default."
        )
    defaults = {one.arg: value for one, default in pairs if isinstance(value := _value(default), _PLAIN)}
    allowed = {one.arg: values for one, _ in pairs if one.arg in defaults and (values := _literals(one.annotation))}
    return defaults, allowed


def _value(node: ast.expr | None) -> Any:
    try:
        return None if node is None else ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return None


def _literals(annotation: ast.expr | None) -> tuple[Any, ...]:
    """The values of `Literal[...]`."""
    if not isinstance(annotation, ast.Subscript) or not ast.unparse(annotation.value).endswith("Literal"):
        return ()
    inside = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    values = [_value(one) for one in inside]
    return tuple(values) if all(isinstance(one, _PLAIN) for one in values) else ()
