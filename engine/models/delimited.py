"""CSV and TSV: values between separators, every one of them read as text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.models.opening import encoding_of, format_of, open_bytes, open_text

LONGEST_FIELD = 1 << 26
_SEPARATORS = (";", "\t", "|")


def header(file: Path) -> list[str]:
    """The names in the first row."""
    import pyarrow.csv

    delimiter, quotes = _dialect(file)
    with open_bytes(file) as stream:
        options = pyarrow.csv.ReadOptions(encoding=_encoding(stream), block_size=LONGEST_FIELD)
        parse = pyarrow.csv.ParseOptions(delimiter=delimiter, quote_char=quotes, invalid_row_handler=lambda _: "skip")
        with pyarrow.csv.open_csv(stream, read_options=options, parse_options=parse) as reader:
            return list(reader.schema.names)


def read(file: Path, width: int, places: Mapping[str, int]) -> dict[str, list[str]]:
    """The values in some of `width` columns, by the name each place has.

    Raises:
        InputError: a row of more or fewer values than the header.
    """
    import pyarrow as pa
    import pyarrow.csv

    delimiter, quotes = _dialect(file)
    names = [f"c{place}" for place in range(width)]  # by place: names may occur twice
    wanted = [names[place] for place in places.values()]
    ragged: list[Any] = []

    def refuse(row: Any) -> str:
        if not ragged:
            ragged.append(row)
        return "skip"

    with open_bytes(file) as stream:
        table = pyarrow.csv.read_csv(
            stream,
            read_options=pyarrow.csv.ReadOptions(
                # One thread, so that a row is known by its number.
                use_threads=False,
                block_size=LONGEST_FIELD,
                column_names=names,
                skip_rows_after_names=1,
                encoding=_encoding(stream),
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=delimiter,
                quote_char=quotes,
                newlines_in_values=bool(quotes),
                invalid_row_handler=refuse,
            ),
            # Text: guessed types would turn a review "1984" into a number and stop at the first odd label.
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=wanted, column_types=dict.fromkeys(wanted, pa.large_string())
            ),
        )
    if ragged:
        raise InputError(_ragged(file, ragged[0], delimiter, bool(quotes)))
    return {name: table[names[place]].to_pylist() for name, place in places.items()}


def _ragged(file: Path, row: Any, delimiter: str, quoted: bool) -> str:
    where = f"row {row.number - 1} of {file}" if row.number is not None else f"a row of {file}"
    word = {",": "comma", "\t": "tab"}.get(delimiter, delimiter)
    fix = (
        f'write a text that holds a {word} or a line break in "quotes"'
        if quoted
        else (f"a TSV has no quoting, so no text may hold a {word} or a line break: take CSV, JSON lines or Parquet")
    )
    values = f"{row.actual_columns} value{'' if row.actual_columns == 1 else 's'}"
    return f"{where} has {values} and the header {row.expected_columns}; {fix}."


def _encoding(stream: Any) -> str:
    found = encoding_of(stream.peek(64)[:64])
    return "utf8" if found == "utf-8-sig" else found


def _dialect(file: Path) -> tuple[str, str | bool]:
    """The separator, and the quote where there is quoting: a TSV has none unless its header is quoted."""
    with open_text(file) as lines:
        first = lines.readline(1 << 16)
    if format_of(file) == ".tsv":
        return "\t", '"' if first.startswith('"') else False
    others = [one for one in _SEPARATORS if one in first]
    return (others[0] if others and "," not in first else ","), '"'
