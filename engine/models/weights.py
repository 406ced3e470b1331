"""The files that a model's weights lie in: their tensors, told by the headers, and their bytes. No torch."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.models.gguf import is_gguf, made_folder
from engine.models.probe import noted
from engine.models.sources import locate

_KINDS = ("compressed.safetensors", "model*.safetensors", "*.safetensors", "pytorch_model*.bin", "*.bin")
LONGEST_HEADER = 100_000_000  # bytes, as safetensors itself bounds it


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of a file."""

    shape: Sequence[int]
    bytes: int


def folder_of(source: str) -> Path | None:
    """Where the files of a model lie on this machine; None where they do not, or are still to be made."""
    located = locate(source)
    if located.kind == "python":
        return None
    if located.kind == "local":
        return made_folder(located.path) if is_gguf(located.path) else located.path
    if located.kind == "builtin":
        from engine.models.builtin import made_model

        return made_model(source)
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(located.name, "config.json")
    return Path(found).parent if isinstance(found, str) else None


def weight_files(folder: Path) -> list[Path]:
    """The files that a model is read from: of several ways to store it the one that loading takes."""
    return next((found for kind in _KINDS if (found := sorted(folder.glob(kind)))), [])


def weight_bytes(source: str) -> int | None:
    """Bytes of a model's own files of weights; None where they are not on this machine."""
    located = locate(source)
    if located.kind == "local" and located.path.is_file():
        return located.path.stat().st_size
    folder = folder_of(source)
    files = weight_files(folder) if folder is not None else []
    return sum(file.stat().st_size for file in files) or None


def tensors_of(source: str) -> dict[str, Tensor]:
    """The tensors of a model by name; empty where its files are not here or have no header that can be read.

    Of a module of the user's own they are known once its file has been run (`probe`).
    """
    if locate(source).kind == "python":
        known = noted(source)
        return {} if known is None else {name: Tensor(shape, size) for name, (shape, size) in known.tensors.items()}
    folder = folder_of(source)
    files = [file for file in weight_files(folder) if file.suffix == ".safetensors"] if folder is not None else []
    try:
        return dict(item for file in files for item in read_header(file))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def read_header(file: Path) -> Iterator[tuple[str, Tensor]]:
    """Tensors by name: a file begins with the length of a JSON text, 8 bytes, little end first, and that text.

    Raises:
        OSError, ValueError, LookupError, TypeError: a file that cannot be read.
    """
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > min(file.stat().st_size, LONGEST_HEADER):
            raise ValueError(f"{file} is damaged")
        text = stream.read(length)
    try:
        entries = json.loads(text)
    except RecursionError:
        raise ValueError(f"{file} is damaged: its header is nested too deeply") from None
    for name, entry in entries.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            yield name, Tensor([int(size) for size in entry["shape"]], end - begin)
