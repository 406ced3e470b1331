"""Opening data files: what a name says of their format, decompression with a bound, and text in the usual encodings."""

import bz2
import codecs
import gzip
import io
import lzma
from pathlib import Path
from typing import IO, Any, cast

from engine.errors import InputError
from engine.runtime.free_memory import available_memory

FORMATS = (".parquet", ".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".arrow")
PACKED = (".gz", ".bz2", ".xz", ".zst")
PACKABLE = (".csv", ".tsv", ".jsonl", ".ndjson", ".json")  # Parquet and Arrow are compressed inside
LARGEST_RATIO, RATIO_FROM = 250, 1 << 26
"""Text that unpacks to more than so many times its size, beyond the first 64 MiB, is no data."""
MEMORY_SHARE = 0.25
"""Of the free memory, what the rows of one file may take."""


def format_of(path: Path) -> str:
    """The ending that says how a data file is read, `.csv` also of `x.csv.gz`; empty for any other file."""
    endings = [ending.lower() for ending in path.suffixes[-2:]]
    if endings and endings[-1] in FORMATS:
        return endings[-1]
    if len(endings) == 2 and endings[1] in PACKED and endings[0] in PACKABLE:
        return endings[0]
    return ""


def name_of(path: Path) -> str:
    """A data file's name without the endings that say how it is read."""
    packed = path.suffix.lower() in PACKED
    return Path(path.stem).stem if packed else path.stem


class Bounded(io.RawIOBase):
    """A binary stream that stops with a sentence where it gives more than fits: a small file may unpack to anything."""

    def __init__(self, stream: IO[bytes], file: Path):
        self._stream, self._file, self._given = stream, file, 0
        self._size = file.stat().st_size
        self._room = int(MEMORY_SHARE * available_memory())

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Reads at most as much as the buffer holds."""
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self._given += len(data)
        if self._given > max(RATIO_FROM, LARGEST_RATIO * self._size):
            raise InputError(
                f"{self._file} unpacks to more than {LARGEST_RATIO} times its size, as no file of texts does; "
                "unpack it and look at what it holds."
            )
        check_room(self._file, self._given, self._room)
        return len(data)

    def close(self) -> None:
        """Closes the file too."""
        self._stream.close()
        super().close()


def check_room(file: Path, size: int, room: int | None = None) -> None:
    """Raises InputError where the rows of a file take more than their share of the free memory."""
    room = int(MEMORY_SHARE * available_memory()) if room is None else room
    if size > room:
        raise InputError(
            f"{file} holds more than {room / 2**30:.1f} GiB of rows, a quarter of the free memory; take a part of it."
        )


def open_bytes(file: Path) -> IO[bytes]:
    """The file's bytes, unpacked. Raises OSError, EOFError, zlib.error or LZMAError on the way where it is damaged."""
    stream: Any
    match file.suffix.lower():
        case ".gz":
            stream = gzip.open(file)  # noqa: SIM115  # the caller closes it
        case ".bz2":
            stream = bz2.open(file)  # noqa: SIM115
        case ".xz":
            stream = lzma.open(file)  # noqa: SIM115
        case ".zst":
            import pyarrow as pa

            stream = pa.input_stream(str(file), compression="zstd")
        case _:
            stream = file.open("rb")
    return cast(IO[bytes], io.BufferedReader(Bounded(stream, file), 1 << 20))


def encoding_of(start: bytes) -> str:
    """UTF-16 where a text begins with its mark or every second byte is zero, else UTF-8 with or without a mark."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(start) >= 4 and start[1:64:2].strip(b"\0") == b"" and start[0:64:2].strip(b"\0"):
        return "utf-16-le"
    if len(start) >= 4 and start[0:64:2].strip(b"\0") == b"" and start[1:64:2].strip(b"\0"):
        return "utf-16-be"
    return "utf-8-sig"


def open_text(file: Path) -> io.TextIOWrapper:
    """The file as text, its lines as they are. Raises UnicodeDecodeError on the way where it is in another encoding."""
    stream = cast(io.BufferedReader, open_bytes(file))
    return io.TextIOWrapper(stream, encoding_of(stream.peek(64)[:64]), newline="")
