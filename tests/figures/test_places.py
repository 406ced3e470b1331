"""Where files are written: devices, pipes and links stay what they are, a file keeps its mode."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.figures.files import is_stream, write_text


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_text(encoding="utf-8")))
    reader.start()
    write_text(pipe, "größer\r\n")
    reader.join(20)
    assert found == ["größer\n"]
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_device_is_written_to_and_stays_a_device(tmp_path: Path) -> None:
    """A link to one, so that a failing test of root's replaces the link and no device."""
    for name in ("null", "full"):
        (tmp_path / name).symlink_to(f"/dev/{name}")
    write_text(tmp_path / "null", "x")
    with pytest.raises(InputError, match="No space left on device"):
        write_text(tmp_path / "full", "x")
    for name in ("null", "full"):
        assert (tmp_path / name).is_symlink()
        assert Path("/dev", name).is_char_device()


def test_behind_a_link_the_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target, link, dangling = tmp_path / "real" / "a.csv", tmp_path / "link.csv", tmp_path / "dangling.csv"
    target.write_text("old")
    link.symlink_to("real/a.csv")
    dangling.symlink_to("real/b.csv")
    write_text(link, "new")
    write_text(dangling, "new")
    assert link.is_symlink()
    assert dangling.is_symlink()
    assert target.read_text() == (tmp_path / "real" / "b.csv").read_text() == "new"
    assert sorted(path.name for path in (tmp_path / "real").iterdir()) == ["a.csv", "b.csv"]


def test_a_loop_of_links_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(InputError, match="cannot be written"):
        write_text(tmp_path / "a", "x")
    assert (tmp_path / "a").is_symlink()


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_file_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    path.chmod(mode)
    write_text(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_has_the_mode_that_the_user_gives_files(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a.csv", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.csv").stat().st_mode) == 0o640


def test_a_name_as_long_as_a_name_may_be_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    write_text(path, "x")
    assert path.read_text() == "x"


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="directory"):
        write_text(tmp_path / "folder", "x")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_goes_on_where_it_stands(tmp_path: Path, name: str) -> None:
    """Also where it is a file: what stands in it stays, and what follows comes after."""
    assert is_stream(Path(name))
    script = (
        "from pathlib import Path; from engine.figures.files import write_text; "
        f"print('before'); write_text(Path({name!r}), 'table\\n'); print('after')"
    )
    with (tmp_path / "out").open("w") as out:
        out.write("first\n")
        out.flush()
        subprocess.run([sys.executable, "-c", script], stdout=out, check=True)
    assert (tmp_path / "out").read_text() == "first\nbefore\ntable\nafter\n"


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="null character"):
        write_text(tmp_path / "a\0b", "x")
