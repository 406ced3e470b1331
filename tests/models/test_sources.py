from pathlib import Path

import pytest

from engine.errors import InputError
from engine.models.discovery import found_near
from engine.models.sources import locate
from engine.runtime.paths import absolute


def test_what_exists_is_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert locate("builtin").kind == "builtin"
    assert locate("name/data").kind == "hub"
    (tmp_path / "name" / "data").mkdir(parents=True)
    assert locate("name/data").kind == "local"
    part = locate("nyu-mll/glue:sst2")
    assert (part.kind, part.name, part.part) == ("hub", "nyu-mll/glue", "sst2")


@pytest.mark.parametrize("source", ["/no/such", "./no", "~/no_such_folder", "a/b/c", "reviews.csv", "a/train.parquet"])
def test_a_path_that_is_not_there(source: str) -> None:
    with pytest.raises(InputError, match="does not exist"):
        locate(source)


@pytest.mark.parametrize("source", ["", " ", "two words", "a/b\n", "né/e"])
def test_neither_path_nor_id(source: str) -> None:
    with pytest.raises(InputError, match="neither a path nor"):
        locate(source)


def test_nearby_offers_models_and_data(tmp_path: Path) -> None:
    for name in (
        "m/config.json",
        "d/train.csv",
        "d/test.csv",
        "loose.parquet",
        ".hidden/train.csv",
        "1/2/3/4/train.csv",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert found_near("model", tmp_path) == [str(tmp_path / "m")]
    assert found_near("data", tmp_path) == [str(tmp_path / "loose.parquet"), str(tmp_path / "d")]


@pytest.mark.parametrize(
    "source", ["/" + "a" * 5000, "a" * 5000, "o/" + "n" * 5000, "~" * 3000, "a" * 5000 + ".csv", "a\0b"]
)
def test_a_name_that_no_file_can_have(source: str) -> None:
    """A path of 5,000 characters ended in an OSError, where it is checked and where the config is read."""
    with pytest.raises(InputError, match=r"does not exist|neither a path nor") as caught:
        locate(source)
    assert len(str(caught.value)) < 400
    assert absolute(source) == source
