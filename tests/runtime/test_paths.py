"""Any text may be typed where a path belongs."""

from pathlib import Path

import pytest

from engine.errors import InputError
from engine.models.sources import locate
from engine.runtime.paths import absolute, existing, expanded

HOPELESS = ["", "  ", "x" * 5000, "a/" * 3000, "~nobody-of-that-name/x", "\0", "a\0b", "\ud800", "～/x"]


@pytest.mark.parametrize("text", HOPELESS)
def test_what_is_no_path_is_not_there(text: str) -> None:
    assert existing(text) is None
    assert absolute(text) == text


@pytest.mark.parametrize("text", [text for text in HOPELESS if len(text) > 2])
def test_what_is_no_path_is_refused_in_a_sentence(text: str) -> None:
    if text != "x" * 5000:  # which could be a name on the hub
        with pytest.raises(InputError):
            locate(text)


def test_what_exists_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "m").mkdir()
    assert absolute("m") == absolute("~/m") == str(tmp_path / "m")
    assert expanded("~/other") == tmp_path / "other"
