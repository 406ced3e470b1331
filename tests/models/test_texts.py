import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from engine.errors import InputError
from engine.models.labels import Classes
from engine.models.splits import Sets
from engine.models.texts import LabelledTexts, find_files, load_texts, read_splits


def write(path: Path, rows: list[tuple[str, int]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))


def rows(prefix: str, count: int) -> list[tuple[str, int]]:
    return [(f"{prefix}{i}", i % 2) for i in range(count)]


def assert_disjoint(texts: Sets[LabelledTexts]) -> None:
    train, validation, test = (set(part.texts) for part in (texts.train, texts.validation, texts.test))
    assert not train & validation
    assert not (train | validation) & test


def test_a_single_file_is_cut_in_three_by_seed(tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    write(file, rows("t", 100))
    first = load_texts(str(file), seed=0)
    assert (len(first.train), len(first.validation), len(first.test)) == (80, 10, 10)
    assert_disjoint(first)
    both = [*first.train.texts, *first.validation.texts, *first.test.texts]
    assert sorted(both) == sorted(text for text, _ in rows("t", 100))
    assert all(label == int(text[1:]) % 2 for text, label in zip(first.test.texts, first.test.labels, strict=True))
    assert load_texts(str(file), seed=0) == first
    assert load_texts(str(file), seed=1).test != first.test
    assert first.description == (
        "100 rows read (text, label), all used: 80 train, 10 validation, 10 test "
        "(validation and test drawn from train, seed 0)"
    )


def test_sets_that_are_there_are_kept(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", rows("a", 50))
    write(tmp_path / "val.csv", rows("b", 7))
    write(tmp_path / "test.csv", rows("c", 9))
    texts = load_texts(str(tmp_path), seed=0)
    assert (len(texts.train), len(texts.validation), len(texts.test)) == (50, 7, 9)
    assert texts.description == "66 rows read (text, label), all used: 50 train, 7 validation, 9 test"


def test_a_text_in_several_sets_stays_in_the_last(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", [*rows("a", 50), ("shared", 0), ("both", 1)])
    write(tmp_path / "validation.csv", [*rows("b", 5), ("shared", 0), ("both", 1)])
    write(tmp_path / "test.csv", [*rows("c", 5), ("shared", 0)])
    texts = load_texts(str(tmp_path), seed=0)
    assert_disjoint(texts)
    assert (len(texts.train), len(texts.validation), len(texts.test)) == (50, 6, 6)
    assert texts.description == (
        "65 rows read (text, label), 62 used: 50 train, 6 validation, 6 test; "
        "3 left out of train or validation because another set holds the same text"
    )


@pytest.mark.parametrize(
    "names",
    [
        ("data/train-00000-of-00002.csv", "data/train-00001-of-00002.csv", "data/test-00000-of-00001.csv"),
        ("train/0.csv", "train/1.csv", "test/0.csv"),
        ("imdb_train_a.csv", "imdb_train_b.csv", "imdb.test.csv"),
    ],
)
def test_splits_are_known_by_names(names: tuple[str, ...], tmp_path: Path) -> None:
    for i, name in enumerate(names):
        write(tmp_path / name, rows(f"{i}x", 20))
    (tmp_path / "dataset_info.json").write_text("{}")
    texts = load_texts(str(tmp_path), seed=0)
    assert (len(texts.train), len(texts.validation), len(texts.test)) == (36, 4, 20)


def test_a_lone_file_in_a_folder_is_enough(tmp_path: Path) -> None:
    write(tmp_path / "reviews.csv", rows("t", 20))
    assert len(load_texts(str(tmp_path), seed=0).train) == 16


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "holds no data"),
        (("one.csv", "two.csv"), "called train"),
        (("cola/train.csv", "sst2/train.csv"), r"several data sets \(cola, sst2\)"),
    ],
)
def test_a_folder_that_is_no_data_set(names: tuple[str, ...], message: str, tmp_path: Path) -> None:
    for name in names:
        write(tmp_path / name, rows("t", 20))
    with pytest.raises(InputError, match=message):
        load_texts(str(tmp_path), seed=0)


@pytest.mark.parametrize("count", [2, 3])
def test_too_few_texts(count: int, tmp_path: Path) -> None:
    write(tmp_path / "d.csv", rows("t", count))
    with pytest.raises(InputError, match=r"too few different texts|every row of the train set"):
        load_texts(str(tmp_path / "d.csv"), seed=0)


def test_the_real_reviews_have_nothing_in_common(imdb: Path) -> None:
    texts = load_texts(str(imdb), seed=0)
    assert_disjoint(texts)
    assert len(texts.test) == 25_000


def test_each_file_of_a_split_has_its_own_columns(tmp_path: Path) -> None:
    (tmp_path / "train-0.csv").write_text("text,label\n" + "".join(f"a{i},{i % 2}\n" for i in range(10)))
    (tmp_path / "train-1.csv").write_text("class,review\n" + "".join(f"{i % 2},b{i}\n" for i in range(10)))
    found = read_splits(find_files(str(tmp_path)), str(tmp_path))
    train = found.splits["train"]
    assert train.texts == [f"{name}{i}" for name in "ab" for i in range(10)]
    assert train.labels == [i % 2 for i in range(10)] * 2


def test_a_split_without_labels_is_left_out(tmp_path: Path) -> None:
    """GLUE gives -1 to every row of its test sets; the whole set was refused."""
    write(tmp_path / "train.csv", rows("a", 50))
    write(tmp_path / "validation.csv", rows("b", 10))
    write(tmp_path / "test.csv", [(f"c{i}", -1) for i in range(20)])
    texts = load_texts(str(tmp_path), seed=0)
    assert (len(texts.train), len(texts.validation), len(texts.test)) == (45, 10, 5)
    assert texts.description.endswith("; the 20 of test left out, which have no labels")
    for content in ("text\nc1\nc2\n", "text,label\nc1,\nc2,\n"):
        (tmp_path / "test.csv").write_text(content)
        assert load_texts(str(tmp_path), seed=0).description.endswith("; the 2 of test left out, which have no labels")


def test_a_train_set_without_labels_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", [(f"c{i}", -1) for i in range(20)])
    with pytest.raises(InputError, match=r"no row of the train set of .* has a label"):
        load_texts(str(tmp_path), seed=0)


def test_a_row_without_label_among_others_is_named(tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    file.write_text("text,label\na,0\nb,\nc,1\n")
    with pytest.raises(InputError, match=r"row 2 of .*d.csv has no label"):
        load_texts(str(file), seed=0)
    file.write_text("text,label\na,0\nb,-1\nc,1\n")
    with pytest.raises(InputError, match=r"row 2 of .*d.csv has the label -1 among labelled rows"):
        load_texts(str(file), seed=0)


def test_rows_marked_as_unlabelled_among_named_classes_are_left_out(tmp_path: Path) -> None:
    """SNLI has rows on which its writers did not agree."""
    kept = {"info": {"features": {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}}}}
    labels = [-1 if i % 10 == 0 else i % 2 for i in range(100)]
    table = pa.table({"text": [f"t{i}" for i in range(100)], "label": labels})
    pyarrow.parquet.write_table(
        table.replace_schema_metadata({"huggingface": json.dumps(kept)}), tmp_path / "d.parquet"
    )
    texts = load_texts(str(tmp_path / "d.parquet"), seed=0)
    assert texts.classes == Classes((0, 1), ("no", "yes"))
    assert "100 rows read (text, label), 90 used" in texts.description
    assert texts.description.endswith("; 10 left out that have no label (-1)")


def test_pairs_are_kept_together(tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    file.write_text("sentence1,sentence2,label\n" + "".join(f"a{i // 2},b{i},{i % 2}\n" for i in range(40)))
    texts = load_texts(str(file), seed=0)
    assert (len(texts.train), len(texts.validation), len(texts.test)) == (32, 4, 4)  # no pair occurs twice
    pairs = [pair for part in (texts.train, texts.validation, texts.test) for pair in part.rows]
    assert sorted(pairs) == sorted((f"a{i // 2}", f"b{i}") for i in range(40))
    assert texts.description.startswith("40 rows read (sentence1 with sentence2, label), all used")


def test_files_of_pairs_and_of_single_texts_do_not_mix(tmp_path: Path) -> None:
    pairs = "".join(f"a{i},b{i},{i % 2}\n" for i in range(9))
    (tmp_path / "train.csv").write_text("sentence1,sentence2,label\n" + pairs)
    (tmp_path / "test.csv").write_text("sentence,label\na,0\nb,1\n")
    with pytest.raises(InputError, match="two texts in a row and others one; name them with text_column"):
        load_texts(str(tmp_path), seed=0)


GOOD = '{"text": "a", "label": 0}\n'


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"text": null, "label": 1}', "row 2 of .* nothing in column text, which is not text"),
        ('{"text": 3, "label": 1}', "row 2 of .* has 3 in column text, which is not text"),
        ('{"text": "\\ud800", "label": 1}', r"row 2 of .* half a character \(a lone surrogate\) in column text"),
        ('{"text": "b", "label": 0.5}', "row 2 of .* the label 0.5 .* but a quantity"),
        ('{"text": "b", "label": [1]}', r"row 2 of .* the label \[1\].* not one class"),
        ('{"text": "b", "label": "x"}', "row 1 of .* has 0, row 2 of .* has x"),
        ('{"text": "b", "label": 0}', "every row of .* has the label 0"),
        ('{"text": "b", "label": ' + "1" * 5000 + "}", "row 2 of .* a number of too many digits"),
        ('{"text": "b", "label": "' + "1" * 5000 + '"}', "row 2 of .* too large for the number of a class"),
    ],
)
def test_rows_that_cannot_be_used(row: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text(GOOD + row + "\n")
    with pytest.raises(InputError, match=message) as caught:
        load_texts(str(tmp_path / "d.jsonl"), seed=0)
    assert len(str(caught.value)) < 600


def test_an_odd_label_late_in_a_long_csv_is_found(tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    file.write_text("text,label\n" + "words,1\n" * 200_000 + "words,0.5\n")
    with pytest.raises(InputError, match=r'row 200001 of .* has the label "0.5"'):
        load_texts(str(file), seed=0)


def test_a_test_set_that_is_the_train_set_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", rows("a", 50))
    write(tmp_path / "test.csv", rows("a", 50))
    with pytest.raises(InputError, match=r"every text of the train set of .* is also in another set"):
        load_texts(str(tmp_path), seed=0)


def test_splits_of_several_formats_belong_together(tmp_path: Path) -> None:
    """A test set in another format than the train set was left out in silence."""
    write(tmp_path / "train.csv", rows("a", 50))
    (tmp_path / "train.csv.gz").write_bytes(gzip.compress((tmp_path / "train.csv").read_bytes()))
    test = "".join(json.dumps({"text": f"b{i}", "label": i % 2}) + "\n" for i in range(8))
    (tmp_path / "test.jsonl").write_text(test)
    texts = load_texts(str(tmp_path), seed=0)
    assert (len(texts.train), len(texts.validation), len(texts.test)) == (45, 5, 8)
