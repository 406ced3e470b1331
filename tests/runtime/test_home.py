import os
import stat
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.runtime import home


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_are_made_for_their_owner_alone(state: Path) -> None:
    for folder in (home.home(), home.runs_dir(), home.devices_dir(), home.cache_dir()):
        assert _mode(folder) == 0o700
        assert folder.is_relative_to(state)


def test_platform_folder_without_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABTUI_HOME")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert home.home() == tmp_path / "xdg" / "labtui"


def test_writable_by_others_is_refused(state: Path) -> None:
    state.mkdir()
    state.chmod(0o770)
    with pytest.raises(InputError, match="chmod 700"):
        home.home()


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABTUI_HOME", os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    with pytest.raises(InputError, match="is not UTF-8; set LABTUI_HOME elsewhere"):
        home.home()


def test_link_is_refused(state: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    state.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="is a link"):
        home.runs_dir()


def test_a_link_inside_is_refused(state: Path, tmp_path: Path) -> None:
    home.home()
    (state / "runs").symlink_to(tmp_path)
    with pytest.raises(InputError, match="is a link"):
        home.runs_dir()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs the right to give a folder away")
def test_another_users_is_refused(state: Path) -> None:
    state.mkdir(mode=0o700)
    os.chown(state, 12345, 12345)
    with pytest.raises(InputError, match="another user"):
        home.home()


def test_a_file_in_its_place_is_refused(state: Path) -> None:
    state.write_text("")
    with pytest.raises(InputError, match="cannot be used as a folder"):
        home.home()
