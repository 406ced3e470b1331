"""Whether the terminal shows pictures: asked once, before the app reads the keyboard."""

import fcntl
import os
import re
import struct
import termios
import time
import tty
from importlib.util import find_spec
from typing import Literal

from engine.runtime.descriptors import readable

Protocol = Literal["kitty", "sixel"]
# kitty's question about graphics, then the one that every terminal answers: its answer ends the waiting.
ASKED = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[c"
SECONDS = 0.5
USUAL_CELL = (10, 20)
_ATTRIBUTES = re.compile(rb"\x1b\[\?([\d;]*)c")

_protocol: Protocol | None = None


def protocol() -> Protocol | None:
    """How this terminal is sent pictures; None where it shows none or the extra is not installed."""
    return _protocol


def use(found: Protocol | None) -> None:
    """Sets it for the whole process."""
    global _protocol
    _protocol = found


def look(descriptor: int = 0, out: int = 1) -> None:
    """Asks the terminal, where `textual-image` is there to draw for it."""
    if find_spec("textual_image") is not None and os.isatty(descriptor) and os.isatty(out):
        use(understood(asked(descriptor, out)))


def understood(answer: bytes) -> Protocol | None:
    """What an answer says. Sixels first: terminals that have both place them more reliably than kitty's pictures."""
    attributes = _ATTRIBUTES.search(answer)
    if attributes and b"4" in attributes[1].split(b";"):
        return "sixel"
    return "kitty" if b"\x1b_Gi=31;OK" in answer else None


def asked(descriptor: int, out: int) -> bytes:
    """What the terminal answers within half a second; it is not echoed."""
    before = termios.tcgetattr(descriptor)
    answer = b""
    try:
        tty.setcbreak(descriptor, termios.TCSANOW)
        os.write(out, ASKED)
        end = time.monotonic() + SECONDS
        while not _ATTRIBUTES.search(answer) and (left := end - time.monotonic()) > 0:
            if readable([descriptor], left):
                answer += (more := os.read(descriptor, 1024))
                if not more:
                    break
    except OSError:
        return b""
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)
    return answer


def cell(descriptor: int = 1) -> tuple[int, int]:
    """Width and height of a cell in pixels."""
    try:
        rows, columns, width, height = struct.unpack("HHHH", fcntl.ioctl(descriptor, termios.TIOCGWINSZ, bytes(8)))
    except OSError:
        return USUAL_CELL
    return (width // columns, height // rows) if width >= columns > 0 and height >= rows > 0 else USUAL_CELL
