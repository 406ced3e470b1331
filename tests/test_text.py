import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text import clean, clean_line

CASES = {
    "plain": ("déjà vu [red]", "déjà vu [red]"),
    "colour": ("\x1b[1;31mred\x1b[0m", "red"),
    "cursor and screen": ("a\x1b[2J\x1b[H\x1b[?25lb", "ab"),
    "title, closed by bell": ("a\x1b]0;title\x07b", "ab"),
    "link, closed by ST": ("\x1b]8;;http://x\x1b\\text\x1b]8;;\x1b\\", "text"),
    "title never closed": ("a\x1b]0;rest\nb", "a\nb"),
    "device control": ("a\x1bP1$r0m\x1b\\b", "ab"),
    "C1 introducer": ("a\x9b31mb\x9d0;t\x9cc", "abc"),
    "lone escape": ("a\x1b", "a"),
    "reset": ("a\x1bcb", "ab"),
    "charset": ("a\x1b(0b", "ab"),
    "controls": ("a\x00\x08\x7f\x85b\tc", "ab\tc"),
    "line ends": ("a\r\nb\rc", "a\nb\nc"),
    "reordering": ("a\u202eb\u2066c\u200f", "abc"),
    "surrogate": ("a\ud800b", "ab"),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_clean(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_clean_line() -> None:
    assert clean_line("  a\n\tb\x1b[0m  c ") == "a b c"


@given(st.text(st.characters(max_codepoint=0xFF), max_size=60))
def test_nothing_a_terminal_obeys_is_left(text: str) -> None:
    found = clean(text)
    assert all(char in "\t\n" or char.isprintable() or char in "\xa0\xad" for char in found)
    assert clean(found) == found
