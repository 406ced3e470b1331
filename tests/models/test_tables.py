import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from engine.errors import InputError
from engine.models.tables import find_columns, read_labels, read_texts

TEXTS = ['a "quoted", long\nreview', "1984", "été", ""]
LABELS = [0, 1, 1, 0]
TABLE = pa.table({"id": [1, 2, 3, 4], "text": TEXTS, "label": LABELS})


def write_csv(path: Path, delimiter: str) -> None:
    pyarrow.csv.write_csv(TABLE, path, pyarrow.csv.WriteOptions(delimiter=delimiter))


def write_arrow(path: Path) -> None:
    with pa.ipc.new_stream(str(path), TABLE.schema) as writer:
        writer.write_table(TABLE)


WRITERS: dict[str, Callable[[Path], object]] = {
    "parquet": lambda path: pyarrow.parquet.write_table(TABLE, path),
    "csv": lambda path: write_csv(path, ","),
    "tsv": lambda path: write_csv(path, "\t"),
    "jsonl": lambda path: path.write_text("".join(json.dumps(row) + "\n" for row in TABLE.to_pylist())),
    "arrow": write_arrow,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_every_format_gives_the_same(kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"data.{kind}"
    WRITERS[kind](file)
    assert find_columns(file) == ("text", "label")
    assert read_texts([file, file], "text") == TEXTS * 2
    assert read_labels([file], "label") == LABELS


def test_columns_are_found_by_name_or_told(tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    file.write_text("Review,Sentiment,other\na,0,b\n")
    assert find_columns(file) == ("Review", "Sentiment")
    assert find_columns(file, text="other") == ("other", "Sentiment")
    with pytest.raises(InputError, match=r"no column stars; its columns are Review, Sentiment, other: .*label_column"):
        find_columns(file, label="stars")
    file.write_text("a,b\nx,1\n")
    with pytest.raises(InputError, match=r"no text column .* a, b: name one with text_column"):
        find_columns(file)


@pytest.mark.parametrize(("value", "label"), [("1", 1), (" 2 ", 2), (1.0, 1), (True, 1), (3, 3)])
def test_what_counts_as_an_integer(value: object, label: int, tmp_path: Path) -> None:
    file = tmp_path / "d.jsonl"
    file.write_text(json.dumps({"label": value}) + "\n")
    assert read_labels([file], "label") == [label]


@pytest.mark.parametrize(
    ("value", "shown"), [("good", '"good"'), (1.5, "1.5"), (None, "nothing"), (-1, "-1"), ("", '""')]
)
def test_a_label_that_is_not_an_integer_names_row_and_value(value: object, shown: str, tmp_path: Path) -> None:
    file = tmp_path / "d.jsonl"
    file.write_text("".join(json.dumps({"label": label}) + "\n" for label in (0, 1, value)))
    with pytest.raises(InputError, match=rf"row 3 of .*d.jsonl has the label {shown} in column label"):
        read_labels([file], "label")


def test_an_odd_label_late_in_a_long_csv_is_found(tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    file.write_text("text,label\n" + "words,1\n" * 200_000 + "words,x\n")
    with pytest.raises(InputError, match=r'row 200001 of .* has the label "x"'):
        read_labels([file], "label")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.csv", b"", "is empty"),
        ("d.jsonl", b"", "is empty"),
        ("d.parquet", b"not parquet", "cannot be read as parquet"),
        ("d.csv", b"text,label\na,1\nb\n", "cannot be read as csv"),
        ("d.jsonl", b'{"text": 1\n', "row 1 of .* is not a JSON object"),
        ("d.json", b'["a"]\n', "row 1 of .* is not a JSON object"),
        ("d.jsonl", b"\xff\xfe", "cannot be read as jsonl"),
        ("d.jsonl", b"\n\n", "is empty"),
    ],
)
def test_a_file_that_cannot_be_read(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_texts([file], find_columns(file)[0])


def test_a_row_without_text(tmp_path: Path) -> None:
    file = tmp_path / "d.jsonl"
    file.write_text('{"text": "a"}\n{"text": null}\n')
    with pytest.raises(InputError, match=r"row 2 of .* nothing in column text"):
        read_texts([file], "text")


@pytest.mark.parametrize("kind", WRITERS)
def test_a_column_that_one_file_lacks(kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"data.{kind}"
    WRITERS[kind](file)
    with pytest.raises(InputError, match=r"has no column words; its columns are id, text, label: name another"):
        read_texts([file], "words")
