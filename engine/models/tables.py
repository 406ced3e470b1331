"""Reading columns of Parquet, CSV, TSV, JSON lines and Arrow files as Python values, with errors that name the row."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from engine.errors import InputError

TEXT_NAMES = ("text", "sentence", "review", "content", "comment", "document", "body", "tweet", "question")
LABEL_NAMES = ("label", "labels", "class", "target", "sentiment", "category")
_INTEGER = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)


def find_columns(file: Path, text: str | None = None, label: str | None = None) -> tuple[str, str]:
    """The names of the text and the label column: those told, otherwise found by name, whatever their case.

    Raises:
        InputError: the file cannot be read, or lacks such a column; the sentence lists the columns it has.
    """
    present = column_names(file)
    return _find(file, present, text, "text", TEXT_NAMES), _find(file, present, label, "label", LABEL_NAMES)


def column_names(file: Path) -> list[str]:
    """The file's columns, in its order."""
    with _Readable(file):
        match file.suffix.lower():
            case ".parquet":
                import pyarrow.parquet

                return list(pyarrow.parquet.read_schema(file).names)
            case ".csv" | ".tsv":
                return _csv_names(file)
            case ".arrow":
                with pa.memory_map(str(file)) as mapped:
                    return list(pa.ipc.open_stream(mapped).schema.names)
            case _:
                for _, record in _json_rows(file):
                    return list(record)
                raise InputError(f"{file} is empty; it needs a text and a label column.")


def read_texts(files: Sequence[Path], column: str) -> list[str]:
    """The text of every row of the files together.

    Raises:
        InputError: a row without text.
    """
    texts = []
    for file in files:
        for row, value in enumerate(_read(file, column), start=1):
            if not isinstance(value, str):
                raise InputError(
                    f"row {row} of {file} has {_show(value)} in column {column}, which is not text; "
                    "mend the row or name another column with text_column."
                )
            texts.append(value)
    return texts


def read_labels(files: Sequence[Path], column: str) -> list[int]:
    """The class of every row of the files together, from 0.

    Raises:
        InputError: a label that is not an integer, or negative.
    """
    labels = []
    for file in files:
        for row, value in enumerate(_read(file, column), start=1):
            number = _integer(value)
            if number is None or number < 0:
                raise InputError(
                    f"row {row} of {file} has the label {_show(value)} in column {column}; "
                    "labels must be the integers 0, 1, …: map them, or name another column with label_column."
                )
            labels.append(number)
    return labels


def _read(file: Path, column: str) -> list[Any]:
    present = column_names(file)
    if column not in present:
        raise _no_column(file, present, f"no column {column}", "name another")
    with _Readable(file):
        match file.suffix.lower():
            case ".parquet":
                import pyarrow.parquet

                values: list[Any] = pyarrow.parquet.read_table(file, columns=[column])[column].to_pylist()
            case ".csv" | ".tsv":
                values = _read_csv(file, column)
            case ".arrow":
                with pa.memory_map(str(file)) as mapped:
                    values = pa.ipc.open_stream(mapped).read_all()[column].to_pylist()
            case _:
                values = []
                for row, record in _json_rows(file):
                    if column not in record:
                        raise InputError(f"row {row} of {file} has no {column}; every row needs one.")
                    values.append(record[column])
        return values


class _Readable:
    """Turns what goes wrong while reading a file into a sentence."""

    def __init__(self, file: Path):
        self.file = file

    def __enter__(self) -> None:
        if not self.file.is_file():
            raise InputError(f"{self.file} does not exist; check its name.")
        if self.file.stat().st_size == 0:
            raise InputError(f"{self.file} is empty; it needs a text and a label column.")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PermissionError):
            raise InputError(f"{self.file} may not be read; change its permissions.") from None
        if isinstance(error, pa.ArrowException | UnicodeDecodeError | OSError):
            suffix = self.file.suffix.lower().lstrip(".")
            reason = str(error).strip().splitlines()[0][:160].rstrip(".")
            raise InputError(f"{self.file} cannot be read as {suffix} ({reason}); mend it or convert it.") from None


def _csv_names(file: Path) -> list[str]:
    import pyarrow.csv

    return list(pyarrow.csv.open_csv(file, parse_options=_dialect(file)).schema.names)


def _read_csv(file: Path, column: str) -> list[Any]:
    import pyarrow.csv

    # Every column as text: guessed types would turn a review "1984" into a number and stop at the first odd label.
    options = pyarrow.csv.ConvertOptions(include_columns=[column], column_types={column: pa.large_string()})
    table = pyarrow.csv.read_csv(file, parse_options=_dialect(file), convert_options=options)
    values: list[Any] = table[column].to_pylist()
    return values


def _dialect(file: Path) -> Any:
    import pyarrow.csv

    return pyarrow.csv.ParseOptions(delimiter="\t" if file.suffix.lower() == ".tsv" else ",", newlines_in_values=True)


def _json_rows(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with file.open(encoding="utf-8") as lines:
        for row, line in enumerate((line for line in lines if line.strip()), start=1):
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                record = None
            if not isinstance(record, dict):
                raise InputError(f"row {row} of {file} is not a JSON object; JSON lines hold one object on each line.")
            yield row, record


def _find(file: Path, present: list[str], told: str | None, role: str, usual: tuple[str, ...]) -> str:
    if told is not None and told in present:
        return told
    lower = {name.lower(): name for name in reversed(present)}
    found = next((lower[name] for name in usual if name in lower), None) if told is None else None
    if found is not None:
        return found
    missing = f"no column {told}" if told is not None else f"no {role} column of a usual name"
    raise _no_column(file, present, missing, f"name one with {role}_column")


def _no_column(file: Path, present: list[str], missing: str, mend: str) -> InputError:
    return InputError(f"{file} has {missing}; its columns are {', '.join(present)}: {mend}.")


def _integer(value: Any) -> int | None:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else None


def _show(value: Any) -> str:
    shown = "nothing" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    return shown if len(shown) <= 40 else f"{shown[:39]}…"
