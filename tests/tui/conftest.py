"""Every test of the screens runs at one time zone, with the usual signs and as on one core."""

import time
from collections.abc import Iterator

import pytest

from engine.experiments import seating
from tui_app import glyphs


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("NO_COLOR", "TMUX", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setattr(seating, "working_cores", lambda: 1)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
    glyphs.use_plain(False)
