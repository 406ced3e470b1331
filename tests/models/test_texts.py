from pathlib import Path

import pytest

from engine.errors import InputError
from engine.models.check import check_data
from engine.models.texts import Texts, find_files, load_texts, read_splits


def write(path: Path, rows: list[tuple[str, int]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))


def rows(prefix: str, count: int) -> list[tuple[str, int]]:
    return [(f"{prefix}{i}", i % 2) for i in range(count)]


def assert_disjoint(texts: Texts) -> None:
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
        "80 train, 10 validation (drawn from train with seed 0), 10 test (drawn from train with seed 0)"
    )


def test_sets_that_are_there_are_kept(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", rows("a", 50))
    write(tmp_path / "val.csv", rows("b", 7))
    write(tmp_path / "test.csv", rows("c", 9))
    texts = load_texts(str(tmp_path), seed=0)
    assert (len(texts.train), len(texts.validation), len(texts.test)) == (50, 7, 9)
    assert texts.description == "50 train, 7 validation, 9 test"


def test_a_text_in_several_sets_stays_in_the_last(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", [*rows("a", 50), ("shared", 0), ("both", 1)])
    write(tmp_path / "validation.csv", [*rows("b", 5), ("shared", 0), ("both", 1)])
    write(tmp_path / "test.csv", [*rows("c", 5), ("shared", 0)])
    texts = load_texts(str(tmp_path), seed=0)
    assert_disjoint(texts)
    assert (len(texts.train), len(texts.validation), len(texts.test)) == (50, 6, 6)
    assert "3 left out" in texts.description


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


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_texts(count: int, tmp_path: Path) -> None:
    write(tmp_path / "d.csv", rows("t", count))
    with pytest.raises(InputError, match="too few different texts"):
        load_texts(str(tmp_path / "d.csv"), seed=0)


def test_the_real_reviews_have_nothing_in_common(imdb: Path) -> None:
    texts = load_texts(str(imdb), seed=0)
    assert_disjoint(texts)
    assert len(texts.test) == 25_000


def test_each_file_of_a_split_has_its_own_columns(tmp_path: Path) -> None:
    (tmp_path / "train-0.csv").write_text("text,label\n" + "".join(f"a{i},{i % 2}\n" for i in range(10)))
    (tmp_path / "train-1.csv").write_text("class,review\n" + "".join(f"{i % 2},b{i}\n" for i in range(10)))
    assert check_data(str(tmp_path)) == 1
    train = read_splits(find_files(str(tmp_path)))["train"]
    assert train.texts == [f"{name}{i}" for name in "ab" for i in range(10)]
    assert train.labels == [i % 2 for i in range(10)] * 2
