"""GGUF files: read once through transformers into a folder of safetensors that the cache keeps. No torch at import."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

from engine.errors import InputError
from engine.models.cache import Progress, cached
from engine.models.sources import locate
from engine.runtime.home import cache_dir

SUFFIX = ".gguf"
MAGIC = b"GGUF"
LAYOUT = 1
_TYPED = 1 << 20  # bytes at the head that a fingerprint takes in beside size and time


def is_gguf(path: Path) -> bool:
    """Whether a path is called a GGUF file."""
    return path.suffix.lower() == SUFFIX


def check_gguf(path: Path, source: str) -> None:
    """Raises InputError where the file is none, or what reads it is not installed."""
    if find_spec("gguf") is None:
        raise InputError(f"{source} is a GGUF file, which the package gguf reads; run: pip install 'labtui[gguf]'.")
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise InputError(f"{source} does not begin as a GGUF file does; copy it again.")


def made_folder(path: Path) -> Path | None:
    """The folder that `folder_of_gguf` has made of a file; None before."""
    folder = cache_dir() / _key(path)
    return folder if folder.is_dir() else None


def folder_of_gguf(path: Path, source: str, progress: Progress | None = None) -> Path:
    """A folder with the model in float32 and its tokenizer, made on first use (a minute for 135 M parameters).

    Raises:
        InputError: the file cannot be read.
    """
    check_gguf(path, source)

    def make(folder: Path) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        from engine.models.pretrained import made, quiet

        if progress is not None:
            progress(0, 1, f"reading {path.name}")
        quiet()

        def read() -> None:
            options = {"gguf_file": path.name, "local_files_only": True}
            tokenizer = AutoTokenizer.from_pretrained(path.parent, **options)
            model = AutoModelForCausalLM.from_pretrained(path.parent, dtype="float32", **options)
            model.hf_quantizer = None  # its weights are plain numbers by now, and are to be saved as such
            if hasattr(model.config, "quantization_config"):
                del model.config.quantization_config
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)

        made(source, "a GGUF file", read, here=True)

    return cached(_key(path), make, progress)


def stored_as(source: str) -> str:
    """The types of a GGUF file's tensors, the one of most weights first: `Q4_1, F32`; empty of any other model.

    Formats of as few bits are flattered by them: what is rounded lies on a coarse grid already.
    """
    located = locate(source)
    if located.kind != "local" or not is_gguf(located.path):
        return ""
    from gguf import GGUFReader

    sizes: dict[str, int] = {}
    for tensor in GGUFReader(located.path).tensors:
        sizes[tensor.tensor_type.name] = sizes.get(tensor.tensor_type.name, 0) + int(tensor.n_elements)
    return ", ".join(sorted(sizes, key=lambda name: -sizes[name]))


def context_length(path: Path) -> int | None:
    """How many tokens the model of a GGUF file takes at most; None where it does not say."""
    from gguf import GGUFReader

    fields = GGUFReader(path).fields
    architecture = fields.get("general.architecture")
    found = fields.get(f"{architecture.contents()}.context_length") if architecture is not None else None
    return None if found is None else int(found.contents())


def _key(path: Path) -> str:
    facts = path.stat()
    with path.open("rb") as file:
        head = file.read(_TYPED)
    digest = hashlib.blake2b(f"{LAYOUT} {facts.st_size} {facts.st_mtime_ns}".encode() + head, digest_size=16)
    return f"gguf/{digest.hexdigest()}"
