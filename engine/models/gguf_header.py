"""The head of a GGUF file: what it says of the model, and the shapes and types of its tensors. No weights are read.

The layout is that of the GGUF specification, version 2 and 3, little end first: magic, version, two counts, then keys
with typed values, then tensors. Lists, a tokenizer's words say, are passed over: only their lengths are kept.
"""

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path

MAGIC = b"GGUF"
VERSIONS = (2, 3)
_STRING, _LIST = 8, 9
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""The code of `struct` for each type of number."""
_MOST_DIMENSIONS = 8


@dataclass(frozen=True, slots=True)
class GGUFTensor:
    """`shape` is as torch has it, rows first; `kind` is the number of its type in the specification."""

    shape: tuple[int, ...]
    kind: int

    @property
    def elements(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class GGUFHeader:
    """`fields` are numbers, texts and the lengths of lists by key; `tensors` are by name."""

    fields: Mapping[str, int | float | str]
    tensors: Mapping[str, GGUFTensor]

    def of_model(self, key: str) -> int | None:
        """A whole number that the file gives of its architecture, `block_count` say; None where it does not."""
        found = self.fields.get(f"{self.fields.get('general.architecture')}.{key}")
        return found if isinstance(found, int) else None


def read_header(path: Path) -> GGUFHeader:
    """The head of a file; one that has not changed is not read again.

    Raises:
        OSError, ValueError: it cannot be read, or is damaged.
    """
    facts = path.stat()
    return _read(path, facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=8)
def _read(path: Path, _size: int, _changed: int) -> GGUFHeader:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _Reader(data).header()
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise ValueError(f"{path.name} is damaged") from error


class _Reader:
    """Reads one value after the other."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data, self._place = data, len(MAGIC)

    def header(self) -> GGUFHeader:
        if self._data[: len(MAGIC)] != MAGIC or self._number("I") not in VERSIONS:
            raise ValueError("no GGUF file of a known version")
        tensors, keys = int(self._number("Q")), int(self._number("Q"))
        fields = {}
        for _ in range(keys):
            key = self._text()
            fields[key] = self._value(int(self._number("I")))
        return GGUFHeader(fields, dict(self._tensor() for _ in range(tensors)))

    def _tensor(self) -> tuple[str, GGUFTensor]:
        name, dimensions = self._text(), int(self._number("I"))
        if dimensions > _MOST_DIMENSIONS:
            raise ValueError("a tensor of impossible dimensions")
        sizes = [int(self._number("Q")) for _ in range(dimensions)]
        kind = int(self._number("I"))
        self._number("Q")  # where its numbers begin
        return name, GGUFTensor(tuple(reversed(sizes)), kind)

    def _value(self, kind: int) -> int | float | str:
        if kind == _STRING:
            return self._text()
        if kind != _LIST:
            return self._number(_NUMBERS[kind]) if kind in _NUMBERS else self._unknown(kind)
        of, count = int(self._number("I")), int(self._number("Q"))
        if of in _NUMBERS:
            self._pass(count * struct.calcsize(_NUMBERS[of]))
        elif of == _STRING:
            for _ in range(count):
                self._pass(int(self._number("Q")))
        else:
            self._unknown(of)
        return count

    def _unknown(self, kind: int) -> int:
        raise ValueError(f"a value of the unknown type {kind}")

    def _number(self, code: str) -> int | float:
        (found,) = struct.unpack_from(f"<{code}", self._data, self._place)
        self._place += struct.calcsize(code)
        return found  # type: ignore[no-any-return]

    def _text(self) -> str:
        length = int(self._number("Q"))
        begin = self._place
        self._pass(length)
        return self._data[begin : self._place].decode()

    def _pass(self, length: int) -> None:
        self._place += length
        if self._place > len(self._data):
            raise ValueError("the file ends too early")
