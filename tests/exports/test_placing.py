"""Where exports go: whole or not at all, and never over what no export made."""

import errno
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.exports.placing import MARK, check_place, placed


def test_a_file_takes_the_place_of_another(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_text("old")
    check_place(path, folder=False)
    with placed(path, "onnx", folder=False) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_gives_way_only_where_an_export_made_it(tmp_path: Path) -> None:
    path = tmp_path / "m"
    for text in ("old", "new"):
        check_place(path, folder=True)
        with placed(path, "hf", folder=True) as partial:
            partial.mkdir()
            (partial / text).touch()
    assert {one.name for one in path.iterdir()} == {"new", MARK}
    (path / MARK).unlink()
    with pytest.raises(InputError, match="exists and is no export of labtui; name a new folder"):
        check_place(path, folder=True)
    with pytest.raises(InputError, match="is a folder; name a file"):
        check_place(path, folder=False)
    with pytest.raises(InputError, match="is no folder; make it first"):
        check_place(tmp_path / "none" / "m.onnx", folder=False)


@pytest.mark.parametrize(
    ("error", "raised", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), InputError, "is full; make room and export again"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), InputError, "is full"),
        (RuntimeError("something else"), RuntimeError, "something else"),
        (KeyboardInterrupt(), KeyboardInterrupt, ""),
    ],
)
def test_nothing_half_written_stays(
    tmp_path: Path, error: BaseException, raised: type[BaseException], sentence: str
) -> None:
    path = tmp_path / "m.onnx"
    path.write_text("old")

    def write() -> None:
        with placed(path, "onnx", folder=False) as partial:
            partial.write_text("half")
            raise error

    with pytest.raises(raised, match=sentence or None):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
