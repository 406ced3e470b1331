"""What comes from the terminal: any bytes, keys faster than they can be taken, pasted text of any length."""

import os
import re
import selectors
import time
from codecs import getincrementaldecoder
from collections.abc import Iterator
from contextlib import suppress

from textual._parser import ParseError
from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Key, Paste

CHUNK = 4096  # bytes read at once
LONGEST = 1 << 16  # characters of a paste that are kept
AHEAD = 1000  # messages that the app may be behind
# So much text in one read, of more than some letters, was not typed: a terminal without bracketed paste, or a script.
_TEXT = re.compile(r"([^\x00-\x1f\x7f]{64,})")
_LETTERS = 4
ESCAPE = "\x1b"
# Escape before anything that begins no sequence of a terminal: the key, and another one right behind it.
_ESCAPE = re.compile(r"\x1b(?![\[OP\]_^X])")
WAIT = 0.05  # seconds in which the rest of a sequence follows its escape


class Incoming:
    """Bytes as text for the parser of keys, and what was pasted as a whole, in their order.

    A byte that is no UTF-8 becomes U+FFFD, which no key has: it is seen in a text field and does nothing elsewhere.
    """

    def __init__(self, *, splits: bool = True) -> None:
        """`splits` takes an escape and a letter for two keys; without it they are alt and the letter."""
        self._splits = splits
        self._held = ""
        self._decode = getincrementaldecoder("utf-8")(errors="replace").decode
        self._pasting = False
        self._kept = ""
        self._tail = ""  # of a paste: its end may come in two pieces

    def feed(self, data: bytes) -> Iterator[str | Key | Paste]:
        """The pieces that the data completes. An escape at its end is held back: see `rest`."""
        text = self._held + self._decode(data)
        self._held = ""
        if text.endswith(ESCAPE) and self._splits and not self._pasting:
            text, self._held = text[:-1], ESCAPE
        while text:
            if self._pasting:
                text = self._tail + text
                inside, ended, rest = text.partition(BRACKETED_PASTE_END)
                held = 0 if ended else len(BRACKETED_PASTE_END) - 1
                cut = max(0, len(inside) - held)
                self._kept += inside[: min(cut, LONGEST - len(self._kept))]
                self._tail, text = inside[cut:], rest
                if ended:
                    yield Paste(self._kept.replace("\x00", ""))
                    self._pasting, self._kept, self._tail = False, "", ""
            else:
                keys, started, text = text.partition(BRACKETED_PASTE_START)
                yield from self._keys(keys)
                self._pasting = bool(started)

    @property
    def waits(self) -> bool:
        """Whether an escape is held back."""
        return bool(self._held)

    def rest(self) -> Iterator[Key]:
        """The escape that nothing followed: the key."""
        if self._held:
            self._held = ""
            yield Key("escape", ESCAPE)

    def _keys(self, text: str) -> Iterator[str | Key | Paste]:
        """Textual reads an escape and a letter within a tenth of a second as alt: both keys would be lost."""
        parts = _ESCAPE.split(text) if self._splits else [text]
        for place, part in enumerate(parts):
            if place:
                yield Key("escape", ESCAPE)
            yield from _typed(part)


def _typed(text: str) -> Iterator[str | Paste]:
    for place, piece in enumerate(_TEXT.split(text)):
        if place % 2 and len(set(piece)) > _LETTERS:
            yield Paste(piece)
        elif piece:
            yield piece


class TerminalDriver(LinuxDriver):
    """Textual's, with another way to read: its own ends the app at the first byte that is no UTF-8."""

    def run_input_thread(self) -> None:
        alt = any("alt+" in keys for keys in self._app._keymap.values())
        parser, incoming = XTermParser(self._debug), Incoming(splits=not alt)
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(WAIT if incoming.waits else 0.1):
                    try:
                        data = os.read(self.fileno, CHUNK)
                    except OSError:
                        break  # the terminal has gone; whoever watches it ends the app
                    if not data:
                        break
                    for piece in incoming.feed(data):
                        for event in parser.feed(piece) if isinstance(piece, str) else (piece,):
                            self.process_message(event)
                else:
                    for event in incoming.rest():
                        self.process_message(event)
                for event in parser.tick():
                    self.process_message(event)
                while self._app.message_queue_size > AHEAD and not self.exit_event.is_set():
                    time.sleep(0.01)
        with suppress(EOFError, ParseError):
            list(parser.feed(""))
