"""Reading columns of Parquet, CSV, TSV, JSON lines and Arrow files as Python values, with errors that name the row.

Names of columns are what stands in the file without spaces around them.
"""

import json
import lzma
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from engine.errors import InputError
from engine.models import delimited
from engine.models.opening import FORMATS, PACKED, check_room, format_of, open_text

BATCH = 4096
_DAMAGED = (pa.ArrowException, UnicodeError, EOFError, zlib.error, lzma.LZMAError)
LONGEST_SHOWN = 60


def column_names(file: Path) -> list[str]:
    """The file's columns, in its order; a name that occurs twice stands there twice."""
    with _readable(file):
        match format_of(file):
            case ".parquet":
                import pyarrow.parquet

                names = list(pyarrow.parquet.read_schema(file).names)
            case ".csv" | ".tsv":
                names = delimited.header(file)
            case ".arrow":
                with pa.memory_map(str(file)) as mapped:
                    names = list(_arrow(mapped).schema.names)
            case _:
                names = next((list(record) for _, record in _records(file)), [])
        if not names:
            raise InputError(f"{file} is empty; it needs a text and a label column.")
        return [name.strip() for name in names]


def read_columns(file: Path, columns: Sequence[str]) -> dict[str, list[Any]]:
    """All values of these columns, one for each row.

    Raises:
        InputError: the file cannot be read, lacks a column or has two of its name.
    """
    present = column_names(file)
    places = {name: _place(file, present, name) for name in columns}
    with _readable(file):
        match format_of(file):
            case ".parquet":
                import pyarrow.parquet

                batches = pyarrow.parquet.ParquetFile(file).iter_batches(BATCH)
                return _gathered(file, batches, places)
            case ".csv" | ".tsv":
                return delimited.read(file, len(present), places)
            case ".arrow":
                with pa.memory_map(str(file)) as mapped:
                    return _gathered(file, _batches(_arrow(mapped)), places)
            case _:
                return _from_records(file, columns)


def image_columns(file: Path) -> list[str]:
    """The columns of a Parquet or Arrow file that may hold images: bytes, or bytes beside a path as `datasets` writes.

    Raises:
        InputError: the file cannot be read, or is in a format that holds no bytes.
    """
    with _readable(file):
        match format_of(file):
            case ".parquet":
                import pyarrow.parquet

                schema = pyarrow.parquet.read_schema(file)
            case ".arrow":
                with pa.memory_map(str(file)) as mapped:
                    schema = _arrow(mapped).schema
            case _:
                raise InputError(f"{file} holds no images; they are read from Parquet or Arrow, or a folder per class.")
        return [field.name.strip() for field in schema if _holds_bytes(field.type)]


def stream_rows(file: Path, columns: Sequence[str], size: int) -> Iterator[dict[str, list[Any]]]:
    """The values of these columns of a Parquet or Arrow file, at most `size` rows at a time.

    Raises:
        InputError: the file cannot be read.
    """
    places = {name: _place(file, column_names(file), name) for name in columns}
    with _readable(file):
        if format_of(file) == ".parquet":
            import pyarrow.parquet

            opened = pyarrow.parquet.ParquetFile(file)
            names = [opened.schema_arrow.names[place] for place in places.values()]
            for batch in opened.iter_batches(size, columns=names):
                yield {own: batch.column(name).to_pylist() for own, name in zip(places, names, strict=True)}
            return
        with pa.memory_map(str(file)) as mapped:
            for batch in _batches(_arrow(mapped)):
                for start in range(0, batch.num_rows, size):
                    part = batch.slice(start, size)
                    yield {name: part.column(place).to_pylist() for name, place in places.items()}


def class_names(file: Path, column: str) -> list[str]:
    """The names of the classes 0, 1, … that `datasets` keeps beside a column of Parquet or Arrow; none elsewhere."""
    with _readable(file):
        match format_of(file):
            case ".parquet":
                import pyarrow.parquet

                kept = pyarrow.parquet.read_schema(file).metadata
            case ".arrow":
                with pa.memory_map(str(file)) as mapped:
                    kept = _arrow(mapped).schema.metadata
            case _:
                return []
    try:
        names = json.loads((kept or {})[b"huggingface"])["info"]["features"][column]["names"]
        return [str(name) for name in names] if isinstance(names, list) else []
    except (KeyError, TypeError, ValueError, RecursionError):
        return []


def shown(value: Any) -> str:
    """A value as it is named in a sentence."""
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Turns what goes wrong while reading a file into a sentence."""
    if not file.is_file():
        raise InputError(f"{file} does not exist or is no file; check its name.")
    if not format_of(file):
        ends = ", ".join(FORMATS)
        raise InputError(f"{file} is in no format that is read; data files end in {ends}, text also in {_packed()}.")
    if file.stat().st_size == 0:
        raise InputError(f"{file} is empty; it needs a text and a label column.")
    kind = format_of(file).lstrip(".")
    try:
        yield
    except PermissionError:
        raise InputError(f"{file} may not be read; change its permissions.") from None
    except UnicodeDecodeError as error:
        bad = error.object[error.start : error.start + 1].hex()
        raise InputError(
            f"{file} is not in UTF-8 (byte 0x{bad} at {error.start:,} of what was read); convert it, for example with "
            f"iconv -f latin1 -t utf-8."
        ) from None
    except (*_DAMAGED, OSError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:160].rstrip(".")
        if "invalid UTF8" in reason:
            reason = "it is not in UTF-8"
            fix = "convert it, for example with iconv -f latin1 -t utf-8"
        else:
            fix = "fix or convert it"
        raise InputError(f"{file} cannot be read as {kind} ({reason}); {fix}.") from None


def _holds_bytes(kind: Any) -> bool:
    if pa.types.is_struct(kind):
        return any(field.name == "bytes" and _holds_bytes(field.type) for field in kind)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _packed() -> str:
    return ", ".join(PACKED)


def _place(file: Path, present: list[str], column: str) -> int:
    if (count := present.count(column)) == 1:
        return present.index(column)
    if count:
        raise InputError(f"{file} has {count} columns called {column}; rename all but one of them.")
    raise InputError(f"{file} has no column {column}; its columns are {', '.join(present)}: name another.")


def _arrow(mapped: Any) -> Any:
    """The reader of an Arrow stream, as `datasets` writes it, or of an Arrow file."""
    is_file = mapped.read(6) == b"ARROW1"
    mapped.seek(0)
    return pa.ipc.open_file(mapped) if is_file else pa.ipc.open_stream(mapped)


def _batches(reader: Any) -> Iterator[Any]:
    if hasattr(reader, "num_record_batches"):
        yield from (reader.get_batch(index) for index in range(reader.num_record_batches))
    else:
        yield from reader


def _gathered(file: Path, batches: Iterator[Any], places: Mapping[str, int]) -> dict[str, list[Any]]:
    values: dict[str, list[Any]] = {name: [] for name in places}
    size = 0
    for batch in batches:
        for name, place in places.items():
            column = batch.column(place)
            size += column.nbytes
            values[name] += column.to_pylist()
        check_room(file, size)
    return values


def _from_records(file: Path, columns: Sequence[str]) -> dict[str, list[Any]]:
    values: dict[str, list[Any]] = {name: [] for name in columns}
    for row, record in _records(file):
        stripped = record if all(name in record for name in columns) else {key.strip(): record[key] for key in record}
        for name in columns:
            if name not in stripped:
                raise InputError(f"row {row} of {file} has no {name}; every row needs one.")
            values[name].append(stripped[name])
    return values


def _records(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of JSON lines, or of a file that is one list of objects, numbered from 1."""
    with open_text(file) as lines:
        for row, line in enumerate((line for line in lines if line.strip()), start=1):
            if row == 1 and line.lstrip().startswith("["):
                yield from _listed(file, line + lines.read())
                return
            yield row, _record(file, row, _parsed(file, row, line))


def _listed(file: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    records = _parsed(file, 1, text)
    for row, record in enumerate(records if isinstance(records, list) else [records], start=1):
        yield row, _record(file, row, record)


def _parsed(file: Path, row: int, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None
    except RecursionError:
        raise InputError(
            f"row {row} of {file} is JSON nested too deeply; a row is an object of plain values."
        ) from None
    except ValueError:  # Python reads no whole number of thousands of digits
        raise InputError(f"row {row} of {file} has a number of too many digits; shorten it.") from None


def _record(file: Path, row: int, record: Any) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise InputError(f"row {row} of {file} is not a JSON object; JSON lines hold one object on each line.")
    return cast(dict[str, Any], record)
