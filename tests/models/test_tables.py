import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from engine.errors import InputError
from engine.models import delimited, opening
from engine.models.columns import Columns, find_columns
from engine.models.tables import class_names, column_names, read_columns

TEXTS = ['a "quoted", long\nreview', "1984", "été", ""]
LABELS = [0, 1, 1, 0]
TABLE = pa.table({"id": [1, 2, 3, 4], "text": TEXTS, "label": LABELS})


def write_csv(path: Path, delimiter: str) -> None:
    pyarrow.csv.write_csv(TABLE, path, pyarrow.csv.WriteOptions(delimiter=delimiter))


def write_stream(path: Path) -> None:
    with pa.ipc.new_stream(str(path), TABLE.schema) as writer:
        writer.write_table(TABLE)


def write_arrow_file(path: Path) -> None:
    with pa.ipc.new_file(str(path), TABLE.schema) as writer:
        writer.write_table(TABLE)


def lines() -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in TABLE.to_pylist())


WRITERS: dict[str, Callable[[Path], object]] = {
    "d.parquet": lambda path: pyarrow.parquet.write_table(TABLE, path),
    "d.csv": lambda path: write_csv(path, ","),
    "semicolons.csv": lambda path: write_csv(path, ";"),
    "d.tsv": lambda path: write_csv(path, "\t"),  # a header in quotes says that there is quoting
    "d.jsonl": lambda path: path.write_text(lines()),
    "list.json": lambda path: path.write_text(json.dumps(TABLE.to_pylist(), indent=1)),
    "d.arrow": write_stream,
    "file.arrow": write_arrow_file,
    "mark.jsonl": lambda path: path.write_bytes(b"\xef\xbb\xbf" + lines().encode()),
    "utf16.jsonl": lambda path: path.write_bytes(lines().encode("utf-16")),
    "utf16-no-mark.jsonl": lambda path: path.write_bytes(lines().encode("utf-16-le")),
    "packed.jsonl.gz": lambda path: path.write_bytes(gzip.compress(lines().encode())),
    "packed.jsonl.bz2": lambda path: path.write_bytes(bz2.compress(lines().encode())),
    "packed.jsonl.xz": lambda path: path.write_bytes(lzma.compress(lines().encode())),
    "packed.jsonl.zst": lambda path: path.write_bytes(pa.compress(lines().encode(), "zstd", asbytes=True)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    WRITERS[name](file)
    assert find_columns(file) == Columns(("text",), "label")
    values = read_columns(file, ["text", "label"])
    assert values["text"] == TEXTS
    assert list(map(int, values["label"])) == LABELS
    with pytest.raises(InputError, match=r"has no column words; its columns are id, text, label: name another"):
        read_columns(file, ["words"])


CSV = "text,label\n" + "".join(f"été {i},{i % 2}\n" for i in range(40))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.csv", CSV.encode()),
        ("mark.csv", b"\xef\xbb\xbf" + CSV.encode()),
        ("utf16.csv", CSV.encode("utf-16")),
        ("utf16-le.csv", CSV.encode("utf-16-le")),
        ("windows.csv", CSV.replace("\n", "\r\n").encode()),
        ("old-mac.csv", CSV.replace("\n", "\r").encode()),
        ("spaces.csv", CSV.replace("text,label", " text , label").encode()),
        ("packed.csv.gz", gzip.compress(CSV.encode(), mtime=0)),
        ("packed.csv.bz2", bz2.compress(CSV.encode())),
        ("packed.csv.xz", lzma.compress(CSV.encode())),
        ("UPPER.CSV", CSV.encode()),
        ("windows.tsv", CSV.replace(",", "\t").replace("\n", "\r\n").encode()),
    ],
)
def test_a_table_as_other_programs_write_it(name: str, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert column_names(file) == ["text", "label"]
    values = read_columns(file, ["text", "label"])
    assert values["text"] == [f"été {i}" for i in range(40)]
    assert values["label"] == [str(i % 2) for i in range(40)]


def test_a_tsv_has_no_quoting(tmp_path: Path) -> None:
    """A quote at the start of a text swallowed all lines up to the next one."""
    file = tmp_path / "d.tsv"
    texts = [('"' if i % 20 == 5 else "") + f'number {i} "so" called' for i in range(600)]
    file.write_text("sentence\tlabel\n" + "".join(f"{text}\t{i % 2}\n" for i, text in enumerate(texts)))
    assert read_columns(file, ["sentence"])["sentence"] == texts


def test_columns_are_found_by_name_or_told(tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    file.write_text("Review,Sentiment,other\na,0,b\n")
    assert find_columns(file) == Columns(("Review",), "Sentiment")
    assert find_columns(file, text="other") == Columns(("other",), "Sentiment")
    assert find_columns(file, label="stars", labelled=False) == Columns(("Review",), None)
    with pytest.raises(InputError, match=r"no column stars; its columns are Review, Sentiment, other: .*label_column"):
        find_columns(file, label="stars")
    with pytest.raises(InputError, match=r"text_column and label_column are both Sentiment"):
        find_columns(file, text="Sentiment")
    file.write_text("a,b\nx,1\n")
    with pytest.raises(InputError, match=r"no text column .* a, b: name one with text_column"):
        find_columns(file)


@pytest.mark.parametrize(
    "pair",
    [("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"), ("question", "sentence")],
)
def test_pairs_are_found_by_the_names_of_glue(pair: tuple[str, str], tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    file.write_text(f"idx,{pair[1]},{pair[0]},label\n1,a,b,0\n")
    assert find_columns(file) == Columns(pair, "label")
    assert find_columns(file, text=f"{pair[1]}, {pair[0]}").texts == (pair[1], pair[0])
    assert find_columns(file, text=pair[0]).texts == (pair[0],)
    with pytest.raises(InputError, match="no column other"):
        find_columns(file, text=f"{pair[0]},other")
    with pytest.raises(InputError, match="one column or two different ones"):
        find_columns(file, text=f"{pair[0]},{pair[0]}")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.csv", b"", "is empty"),
        ("d.jsonl", b"", "is empty"),
        ("d.jsonl", b"\n\n", "is empty"),
        ("d.parquet", b"not parquet", "cannot be read as parquet"),
        ("d.csv", b"text,label\na,1\nb\n", r"row 2 of .*d.csv has 1 value and the header 2; write a text that holds"),
        ("d.csv", b"text,label\na,1\nb,c,1\n", r"row 2 of .* has 3 values and the header 2"),
        ("d.tsv", b"text\tlabel\na\t1\nb\n", r"row 2 of .*d.tsv has 1 value .* a TSV has no quoting"),
        ("d.csv", b"text,text,label\na,b,1\n", r"has 2 columns called text; rename"),
        ("d.jsonl", b'{"text": 1\n', "row 1 of .* is not a JSON object"),
        ("d.json", b'["a"]\n', "row 1 of .* is not a JSON object"),
        ("d.jsonl", b'{"text": "caf\xe9"}\n', r"is not in UTF-8 \(byte 0xe9.*iconv"),
        ("d.csv", b"text,label\ncaf\xe9,1\n", r"is not in UTF-8.*iconv"),
        ("d.jsonl", b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", "row 1 of .* nested too deeply"),
        ("d.jsonl", b'{"text": "a", "label": ' + b"1" * 5000 + b"}\n", "row 1 of .* number of too many digits"),
        ("d.jsonl", b'{"text": "a"}\n{"label": 1}\n', "row 2 of .* has no text"),
        ("d.zip", b"PK", "in no format that is read; data files end in .parquet, .csv"),
        ("cut.csv.gz", gzip.compress(b"text,label\na,1\n" * 1000, mtime=0)[:-20], "cannot be read as csv"),
        ("no.csv.gz", b"text,label\na,1\n", "cannot be read as csv"),
        ("no.csv.xz", b"text,label\na,1\n", "cannot be read as csv"),
    ],
)
def test_a_file_that_cannot_be_read(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_columns(file, find_columns(file, labelled=False).texts)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(file))


@pytest.mark.parametrize("name", ["bomb.csv.gz", "bomb.jsonl.bz2", "bomb.csv.xz"])
def test_a_small_file_that_unpacks_to_anything_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "RATIO_FROM", 1 << 16)
    pack = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[name.rpartition(".")[2]]
    begin = b'{"text": "' if "json" in name else b"text,label\n"
    (tmp_path / name).write_bytes(pack(begin + b"a" * (1 << 24)))
    with pytest.raises(InputError, match="unpacks to more than 250 times its size"):
        read_columns(tmp_path / name, find_columns(tmp_path / name, labelled=False).texts)


@pytest.mark.parametrize("name", ["d.csv", "d.jsonl", "d.parquet"])
def test_a_file_larger_than_the_memory_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "available_memory", lambda: 1 << 16)
    WRITERS[name](tmp_path / name)
    table = pa.table({"text": ["some words " * 20] * 1000, "label": [0, 1] * 500})
    if name == "d.parquet":
        pyarrow.parquet.write_table(table, tmp_path / name)
    elif name == "d.csv":
        pyarrow.csv.write_csv(table, tmp_path / name)
    else:
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    with pytest.raises(InputError, match="a quarter of the free memory"):
        read_columns(tmp_path / name, ["text"])


@pytest.mark.parametrize("name", ["d.csv", "d.tsv", "d.jsonl"])
def test_a_text_of_megabytes_is_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field longer than a block of the reader made the whole file unreadable."""
    monkeypatch.setattr(delimited, "LONGEST_FIELD", 1 << 22)
    text = "word " * 500_000
    if name == "d.jsonl":
        (tmp_path / name).write_text(json.dumps({"text": text}) + "\n")
    else:
        comma = "," if name == "d.csv" else "\t"
        (tmp_path / name).write_text(f"text{comma}label\n{text}{comma}1\nshort{comma}0\n")
    assert read_columns(tmp_path / name, ["text"])["text"][0] == text


def test_the_names_that_datasets_keeps_beside_labels(tmp_path: Path) -> None:
    kept = {"info": {"features": {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}}}
    table = TABLE.replace_schema_metadata({"huggingface": json.dumps(kept)})
    pyarrow.parquet.write_table(table, tmp_path / "d.parquet")
    assert class_names(tmp_path / "d.parquet", "label") == ["neg", "pos"]
    assert class_names(tmp_path / "d.parquet", "id") == []
    write_csv(tmp_path / "d.csv", ",")
    assert class_names(tmp_path / "d.csv", "label") == []
