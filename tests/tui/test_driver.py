"""Bytes from the terminal: what is no UTF-8, what was pasted, and in what order."""

import pytest
from textual.events import Key, Paste

from tui_app.driver import CHUNK, LONGEST, Incoming

START, END = b"\x1b[200~", b"\x1b[201~"


def pieces(*chunks: bytes, splits: bool = True) -> list[str | tuple[str]]:
    """Text for the parser of keys as it is, pasted text in a tuple, keys by name."""
    incoming = Incoming(splits=splits)
    found = [piece for chunk in chunks for piece in incoming.feed(chunk)] + list(incoming.rest())
    return [(p.text,) if isinstance(p, Paste) else p.key if isinstance(p, Key) else p for p in found]


@pytest.mark.parametrize("wrong", [b"\xff", b"caf\xe9 ", b"\xc3(", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80"])
def test_bytes_that_are_no_utf8_are_seen_and_end_nothing(wrong: bytes) -> None:
    (piece,) = pieces(wrong + b"q")
    assert isinstance(piece, str)
    assert "\ufffd" in piece
    assert piece.endswith("q")


def test_a_letter_may_come_in_two_pieces() -> None:
    assert "".join(map(str, pieces(b"\xc3", b"\xa9"))) == "é"


@pytest.mark.parametrize("cut", range(1, 25))
def test_a_paste_is_whole_wherever_it_is_cut(cut: int) -> None:
    whole = b"a" + START + b"one\r2 \x1b[B" + END + b"j"
    if 2 < cut < 7:  # the parser of keys takes a start that was cut
        assert "".join(map(str, pieces(whole[:cut], whole[cut:]))).encode() == whole
    else:
        assert pieces(whole[:cut], whole[cut:]) == ["a", ("one\r2 \x1b[B",), "j"]


@pytest.mark.parametrize(
    ("chunks", "keys"),
    [
        ((b"\x1b2",), ["escape", "2"]),
        ((b"\x1b", b"p"), ["escape", "p"]),
        ((b"\x1b\x1b\x1b",), ["escape", "escape", "escape"]),
        ((b"\x1b\x1b[Bq",), ["escape", "\x1b[Bq"]),
        ((b"\x1b", b"[A"), ["\x1b[A"]),
        ((b"j\x1b", b"\x1bOP"), ["j", "escape", "\x1bOP"]),
        ((b"\x1b[<0;3;4M\x1b1",), ["\x1b[<0;3;4M", "escape", "1"]),
    ],
)
def test_escape_and_the_key_right_behind_it_are_two_keys(chunks: tuple[bytes, ...], keys: list[str]) -> None:
    """They were read as alt and a letter: esc 2 in a burst wrote a sign into a field and opened no page."""
    assert pieces(*chunks) == keys


def test_whoever_binds_alt_has_it() -> None:
    assert pieces(b"\x1b2", splits=False) == ["\x1b2"]


def test_two_pastes_in_one_piece() -> None:
    assert pieces(START + b"1" + END + START + b"2" + END) == [("1",), ("2",)]


def test_a_paste_of_any_length_is_kept_up_to_a_bound() -> None:
    data = START + b"xyz" * 400_000 + END + b"q"
    first, last = pieces(*(data[at : at + CHUNK] for at in range(0, len(data), CHUNK)))
    assert (len(first[0]), last) == (LONGEST, "q")


def test_text_that_nobody_types_so_fast_is_pasted_and_held_keys_are_keys() -> None:
    assert pieces(b"j" * 500) == ["j" * 500]
    assert pieces(b"\x1b[B" * 100) == ["\x1b[B" * 100]
    line = b"SELECT * FROM runs WHERE state = 'finished' AND accuracy >= 0.8 -- x"
    assert pieces(line + b"\r") == [(line.decode(),), "\r"]
    assert pieces(b"3456345634") == ["3456345634"]
